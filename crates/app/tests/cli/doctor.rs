//! What `doctor` makes of texts: reviewed as text.

use insta::assert_snapshot;

use crate::program::Program;

const DESCRIBED: &str = r#"Events:
  Type     Reason     Age                   From               Message
  ----     ------     ----                  ----               -------
  Normal   Scheduled  2m24s                 default-scheduler  Successfully assigned shop/web-7c9d8 to node-7
  Normal   Pulling    50s (x4 over 2m25s)   kubelet            Pulling image "acme/web:1.4"
  Warning  Failed     50s (x4 over 2m24s)   kubelet            Failed to pull image "acme/web:1.4": failed to pull and unpack image "docker.io/acme/web:1.4": failed to copy: httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/acme/web/manifests/sha256:50aa4698fa6262977cff89181b2664b99d8a56dbca847bf62f2ef04854597cf8: 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit as 'buildbot42': dckr_jti_Zk3xTq9vLmN0pRsTuVwXyZaBcDe=. You may increase the limit by upgrading. https://www.docker.com/increase-rate-limit
  Warning  Failed     50s (x4 over 2m24s)   kubelet            Error: ErrImagePull
  Normal   BackOff    12s (x6 over 2m23s)   kubelet            Back-off pulling image "acme/web:1.4"
  Warning  Failed     12s (x6 over 2m23s)   kubelet            Error: ImagePullBackOff
"#;

const WRAPPED: &str = "\
CannotPullContainerError: pull image manifest has been retried 7 time(s):
httpReadSeeker: failed open: unexpected status code
https://registry-1.docker.io/v2/acme/backend/manifests/sha256:d1faca3f650b469373dcd774fba31726af5252f4dd2435e6aee308dff5e8d3f1:
429 Too Many Requests - Server message: toomanyrequests:
You have reached your unauthenticated pull rate limit.
https://www.docker.com/increase-rate-limit
";

#[test]
fn events_of_one_pod_are_one_finding_without_its_account() {
    let program = Program::new().file("events.txt", DESCRIBED);
    let told = program.run(&["doctor", "events.txt"]);
    assert!(!told.contains("buildbot42") && !told.contains("Zk3xTq9v"), "{told}");
    assert_snapshot!(told);
}

#[test]
fn a_wrapped_message_is_one_finding_in_json_too() {
    let program = Program::new().file("stopped-reason.txt", WRAPPED);
    assert_snapshot!(program.run(&["doctor", "--json", "stopped-reason.txt"]));
}

#[test]
fn standard_input_is_read_where_no_file_is_named() {
    let program = Program::new();
    let cause = "Error response from daemon: toomanyrequests: Too Many Requests (HAP429).\n";
    assert_snapshot!(program.run_with_input(&["doctor"], cause));
    assert_snapshot!(program.run_with_input(&["doctor", "--json", "-"], cause));
}

#[test]
fn a_log_of_something_else_has_nothing_to_tell() {
    let noise = "GET /api/orders 429 12ms\nnpm ERR! 429 Too Many Requests - GET https://npm.packages.example/lodash\n";
    let program = Program::new().file("app.log", noise);
    assert_snapshot!(program.run(&["doctor", "app.log"]));
    assert_snapshot!(program.run(&["doctor", "--json", "app.log"]));
}

#[test]
fn a_file_that_is_not_there_is_a_failure() {
    assert_snapshot!(Program::new().run(&["doctor", "nowhere.log"]));
}
