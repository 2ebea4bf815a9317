//! What people pasted into reports of storms that never got an answer, with other names.

use forebay_evidence::{Class, What};

use crate::formats::read_all;

/// As in <https://github.com/moby/moby/issues/23811>: the service only ever shows "Preparing", and the journal why.
const MISTYPED_TAG: &str = "Jun 21 12:20:09 node-1 dockerd[462]: time=\"2016-06-21T12:20:09.590125939+01:00\" level=error msg=\"pulling image failed\" error=\"Tag apline not found in repository docker.io/library/httpd\" module=taskmanager task.id=7lz7dnqqox6y1x78lqm6gq3q6\n";

/// As in <https://github.com/aws/amazon-ecs-agent/issues/498>: ECR's limit of logins, which is not Docker Hub's of pulls.
const ECR_LOGINS: &str = "2016-08-25T12:00:04Z [INFO] Adding event module=\"eventhandler\" change=\"ContainerChange: arn:aws:ecs:us-east-1:111122223333:task/2b5f1779-0765-4d87-8f11-5ee8e29f657a run -> STOPPED, Reason CannotPullECRContainerError: ThrottlingException: Rate exceeded\n        status code: 400, request id: 75567eb3-6abb-11e6-9d4c-cb4ccd1cee97, Known Sent: NONE\"\n";

fn only_failure(text: &str) -> (What, Class) {
    let events = read_all(&[("capture", text)]).events;
    assert_eq!(events.len(), 1, "{events:#?}");
    let Some(failure) = &events[0].failure else {
        panic!("no failure: {events:#?}");
    };
    (events[0].what, failure.class)
}

#[test]
fn a_mistyped_tag_in_a_swarm_is_not_found_and_no_limit() {
    assert_eq!(
        only_failure(MISTYPED_TAG),
        (What::PullFailed, Class::NotFound)
    );
    let storm = MISTYPED_TAG.repeat(3);
    let events = read_all(&[("journal", &storm)]).events;
    let pulls: u64 = events.iter().map(|event| event.count).sum();
    assert_eq!(pulls, 3, "{events:#?}");
}

#[test]
fn an_agent_that_logs_in_too_often_meets_ecrs_limit_and_not_docker_hubs() {
    assert_eq!(
        only_failure(ECR_LOGINS),
        (What::PullFailed, Class::OtherRegistryLimit)
    );
}
