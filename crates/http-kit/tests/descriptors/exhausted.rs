//! One process with few descriptors, another that takes them all.

use std::io::{Read, Write, stdin};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use forebay_http_kit::{
    Body, Handler, Listener, NoAccessLog, Peer, RequestBody, ServeLimits, Server,
};
use forebay_jobs::Supervisor;
use http::{Request, Response, StatusCode};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const DESCRIPTORS: u64 = 64;

struct Hello;

impl Handler for Hello {
    fn refusal(_: StatusCode) -> String {
        "{}".to_owned()
    }

    async fn handle(&self, _: Request<RequestBody>, _: Peer) -> Response<Body> {
        Response::new("hello".into())
    }
}

/// The server has this process's descriptors; its clients, those of a child that runs the other test of this file.
#[test]
fn out_of_descriptors_connections_are_refused_and_served_again() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let _inside = runtime.enter();
    let listener = Listener::bind_tcp("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_address().unwrap();
    let server = Server::new(Hello, ServeLimits::default(), Arc::new(NoAccessLog));
    server.serve(listener, &Supervisor::new());
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "exhausted::clients_of_the_other_test",
        ])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let limit = Rlimit {
        current: Some(DESCRIPTORS),
        ..getrlimit(Resource::Nofile)
    };
    setrlimit(Resource::Nofile, limit).unwrap();
    writeln!(child.stdin.take().unwrap(), "{address}").unwrap();
    assert!(
        child.wait().unwrap().success(),
        "its clients found it wanting"
    );
}

#[test]
#[ignore = "half of the other test, which runs it and says by its standard input where the server is"]
fn clients_of_the_other_test() {
    let mut line = String::new();
    stdin().read_line(&mut line).unwrap();
    if let Ok(server) = line.trim().parse() {
        attack(server);
    }
}

/// The client's side: takes all descriptors of the server, looks, and lets go.
fn attack(server: SocketAddr) {
    let mut early = connect(server);
    assert!(ask(&mut early).ends_with("hello"));
    let mut flood: Vec<TcpStream> = (0..2 * DESCRIPTORS).map(|_| connect(server)).collect();
    let mut last = flood.pop().unwrap();
    let refused = flood
        .iter_mut()
        .map(ask)
        .filter(|answer| answer.starts_with("HTTP/1.1 503 "))
        .count();
    assert!(refused > 0, "nobody was told that there are too many");
    assert!(
        ask(&mut early).ends_with("hello"),
        "an open connection is served all the while"
    );
    drop(flood);
    let answer = ask(&mut last);
    assert!(
        answer.ends_with("hello") || answer.starts_with("HTTP/1.1 503 "),
        "the last in the queue hears something: {answer}"
    );
    let recovered = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        ask(&mut connect(server)).ends_with("hello")
    });
    assert!(recovered, "it never recovered");
}

fn connect(server: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(server).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream
}

fn ask(stream: &mut TcpStream) -> String {
    let _ = stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    let mut answer = [0; 1024];
    let mut text = String::new();
    while let Ok(count @ 1..) = stream.read(&mut answer) {
        text.push_str(&String::from_utf8_lossy(&answer[..count]));
        if text.ends_with("hello") || text.ends_with("{}") {
            break;
        }
    }
    text
}
