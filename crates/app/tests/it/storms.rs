//! Clients that ask again and again: what cannot succeed, and what succeeds and then dies at start.

use std::sync::Arc;
use std::time::Duration;

use hub_sim::{Hub, HubSim, Image, minutes, seconds};
use tokio::task::JoinSet;

use crate::clocked::{advance, clocked};
use crate::program::{Forebay, Program};

const CLIENTS: usize = 30;

/// How long the storm lasts.
const MINUTES: usize = 15;

/// How often each client asks in a minute, each way.
const ASKS: usize = 3;

/// Half of them by HEAD, as clients begin, half by GET.
async fn storm(program: &Arc<Program>, paths: &[&str]) -> Vec<u16> {
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let path = paths[client % paths.len()].to_owned();
        let program = Arc::clone(program);
        clients.spawn(async move {
            let mut statuses = Vec::new();
            for _ in 0..ASKS {
                statuses.push(program.head(&path).await.status);
                statuses.push(program.get(&path).await.status);
            }
            statuses
        });
    }
    let statuses = clients.join_all().await;
    statuses.into_iter().flatten().collect()
}

async fn pass(hub: &Hub, program: &Program, time: Duration) {
    hub.advance(time);
    advance(program, time).await;
}

#[tokio::test]
async fn images_that_cannot_be_had_cost_one_request_a_minute_each_tokens_counted() {
    let hub = HubSim::new()
        .image("library/here:1", Image::small())
        .image("acme/private:1", Image::small())
        .private("acme/private", &["alice"])
        .start()
        .await;
    let program = Arc::new(clocked(Forebay::before(&hub)).start().await);
    let broken = [
        ("library/gone", "/v2/library/gone/manifests/1"),
        ("library/here", "/v2/library/here/manifests/nosuch"),
        ("acme/private", "/v2/acme/private/manifests/1"),
    ];
    let mut before = 0;
    for minute in 1..=MINUTES {
        let statuses = storm(&program, &broken.map(|(_, path)| path)).await;
        assert!(
            statuses
                .iter()
                .all(|status| matches!(status, 401 | 403 | 404)),
            "{statuses:?}"
        );
        for (repository, _) in broken {
            let asked =
                hub.requests_where(|request| request.repository.as_deref() == Some(repository));
            // One ahead, as a token and the request are sent at once and nothing is in the minute after, and a token when the first is
            // over; one of them had the first request of all, too, which brought the challenge.
            let challenge = hub.requests_where(|request| {
                request.repository.as_deref() == Some(repository)
                    && request.is_head()
                    && !request.has_authorization()
            });
            let most = minute + 2 + challenge.len().min(1);
            assert!(asked.len() <= most, "{repository}:\n{asked}");
        }
        let asked = hub.requests().len();
        let most = if minute == 1 { 7 } else { 2 * broken.len() };
        assert!(asked - before <= most, "{minute}:\n{}", hub.requests());
        before = asked;
        pass(&hub, &program, minutes(1)).await;
    }
}

#[tokio::test]
async fn a_good_image_that_is_pulled_without_end_costs_one_head_for_each_time_to_live() {
    let hub = HubSim::new()
        .image("library/crashing:latest", Image::small())
        .start()
        .await;
    let setup = Forebay::before(&hub).with("[cache]\ntag_ttl = \"30s\"");
    let program = Arc::new(clocked(setup).start().await);
    let path = "/v2/library/crashing/manifests/latest";
    assert_eq!(program.get(path).await.status, 200);
    hub.clear_requests();
    for times in 1..=5 {
        pass(&hub, &program, seconds(30)).await;
        let statuses = storm(&program, &[path]).await;
        assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
        let heads = hub.count(hub_sim::Record::is_head);
        assert_eq!(
            (heads, hub.requests().len()),
            (times, times),
            "{}",
            hub.requests()
        );
    }
}
