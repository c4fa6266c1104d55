//! A client that has nothing to do does nothing.

use std::fs;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::alone;
use crate::server::{Server, WATCHDOG};

/// How often the client's threads were given a processor, each by its name.
fn wake_ups() -> Vec<(String, String)> {
    let tasks = fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
    let of_client = tasks.filter_map(|task| {
        let name = fs::read_to_string(task.join("comm")).ok()?;
        let status = fs::read_to_string(task.join("status")).ok()?;
        let switches = status.lines().find(|line| line.starts_with("voluntary"))?;
        name.starts_with("mqttlink").then(|| (name, switches.to_owned()))
    });
    of_client.collect()
}

#[test]
fn an_idle_client_makes_no_system_call_between_pings() {
    let _alone = alone();
    let server = Server::once(|link| {
        link.accept();
        link.serve();
    });
    let builder = server.builder().keep_alive(Duration::from_secs(60)).on_message(|_| {});
    let client = builder.build().unwrap();
    client.connect().unwrap();
    let (_never, timer) = mpsc::channel::<()>();
    let wait = |millis| {
        timer.recv_timeout(Duration::from_millis(millis)).unwrap_err();
    };
    // Until the threads have gone to sleep for the first time; who wakes up again and again never does.
    let until = Instant::now() + WATCHDOG;
    let mut before = wake_ups();
    loop {
        wait(300);
        let now = wake_ups();
        if now == std::mem::replace(&mut before, now.clone()) && now.len() == 3 {
            break;
        }
        assert!(Instant::now() < until, "a reader, a writer and a dispatcher that sleep: {now:?}");
    }
    wait(1500);
    assert_eq!(wake_ups(), before);
    client.disconnect().unwrap();
    server.join();
}
