//! What a way out costs, from what the evidence tells of sizes and pulls.

use forebay_doctor::{
    Context, Egress, Intake, Moment, Pulls, SizeFrom, SizeSource, Usage, diagnose, ways_out,
};

#[test]
fn costs_are_computed_from_what_was_measured_and_from_the_rate_that_was_seen() {
    let context = Context {
        now: Moment::from_unix_ms(1_768_478_400_000),
        utc_offset_seconds: 0,
    };
    let row = |age: u32, message: &str| {
        format!("shop  {age}m  Warning  Failed  pod/web-7d4b9c6f8d-x2x7k  {message}\n")
    };
    let limit = "Failed to pull image \"acme/web:1\": toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit";
    let events: String = (0..12).map(|at| row(130 - at * 10, limit)).collect();
    let ecr = "{\n\"imageDetails\": [{\"repositoryName\": \"docker-hub/acme/web\", \"imageTags\": [\"1\"], \"imageSizeInBytes\": 500000000}]}\n";
    let mut intake = Intake::new(context);
    for (name, text) in [("events", &*events), ("ecr.json", ecr)] {
        intake.begin(name);
        intake.push(text.as_bytes());
    }
    let evidence = intake.finish();
    let found = diagnose(&evidence, &context, Egress::Unknown);
    let ways = ways_out(&evidence, &found, &Usage::default());
    let basis = ways.cost_basis.as_ref().unwrap();
    let image = &basis.images[0];
    assert_eq!(
        (&*image.image, image.bytes),
        ("docker.io/acme/web:1", Some(500_000_000))
    );
    let SizeFrom::Measured { source, lines, .. } = image.from else {
        panic!("{:?}", image.from);
    };
    assert_eq!((source, lines.source), (SizeSource::Ecr, 1));
    let expected = Pulls::Estimated {
        a_month: 4_700,
        seen: 12,
        minutes: 110,
    };
    assert_eq!(basis.pulls, expected);
    let text = forebay_doctor::explain(&found, &ways).to_text();
    for told in [
        "500 MB × $0.10 per GB",
        "measured, compressed: ECR, ecr.json line",
        "About 4700 pulls a month: an estimate from 12 within 110 min, if it goes on so",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
}
