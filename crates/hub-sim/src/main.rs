//! Runs a Docker Hub in a box until it is interrupted, then says what it saw.

mod args;
mod summary;

use args::Args;
use clap::Parser as _;
use hub_sim::Hub;
use std::process::ExitCode;
use summary::Summary;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let shows_requests = args.log;
    match args.into_sim().try_start().await {
        Ok(hub) => {
            run(&hub, shows_requests).await;
            ExitCode::SUCCESS
        }
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

/// Prints where the hub is, its requests if they are wanted, and at Ctrl-C what it all came to.
#[expect(clippy::print_stdout, reason = "printing is this program's work")]
async fn run(hub: &Hub, shows_requests: bool) {
    println!("registry  {}", hub.url());
    println!("tokens    {}", hub.token_url());
    println!("blobs     http://{}", hub.blob_host());
    let mut finished = hub.follow();
    let mut summary = Summary::default();
    loop {
        tokio::select! {
            Some(request) = finished.recv() => {
                summary.add(&request);
                if shows_requests {
                    println!("{} {request}", request.client);
                }
            }
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    println!("\n{summary}");
    for violation in hub.violations() {
        println!("violation: {violation}");
    }
}

#[expect(clippy::print_stderr, reason = "there is nobody else to tell")]
fn complain(error: &std::io::Error) {
    eprintln!("error: cannot listen: {error}");
}
