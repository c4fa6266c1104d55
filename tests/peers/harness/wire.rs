//! A link between client and broker that can be cut after any byte.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Passes bytes on, until it is told after how many to stop.
pub(crate) struct Wire {
    pub(crate) port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// How many more bytes pass to the broker, and to the client.
    left: [Option<usize>; 2],
    sockets: Vec<TcpStream>,
}

/// Which way the bytes go that are counted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    Up = 0,
    Down = 1,
}

impl Wire {
    pub(crate) fn to(broker: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        // Ends with the process: nobody connects any more.
        thread::spawn(move || {
            for client in listener.incoming() {
                connect(client.unwrap(), broker, &shared);
            }
        });
        Self { port, state }
    }

    /// Cuts the link when `bytes` more have passed in this direction. The next link is whole again.
    pub(crate) fn cut_after(&self, way: Way, bytes: usize) {
        self.state.lock().unwrap().left[way as usize] = Some(bytes);
    }

    /// Cuts the link now.
    pub(crate) fn cut(&self) {
        self.state.lock().unwrap().cut();
    }
}

impl State {
    fn cut(&mut self) {
        for socket in self.sockets.drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// How many of these bytes pass.
    fn pass(&mut self, way: Way, count: usize) -> usize {
        let Some(left) = &mut self.left[way as usize] else { return count };
        let passed = count.min(*left);
        *left -= passed;
        passed
    }
}

fn connect(client: TcpStream, broker: u16, state: &Arc<Mutex<State>>) {
    let Ok(broker) = TcpStream::connect(("127.0.0.1", broker)) else { return };
    {
        let mut state = state.lock().unwrap();
        state.left = [None, None];
        state.sockets = vec![client.try_clone().unwrap(), broker.try_clone().unwrap()];
    }
    let (from, to) = (client.try_clone().unwrap(), broker.try_clone().unwrap());
    let shared = Arc::clone(state);
    thread::spawn(move || forward(from, to, Way::Up, &shared));
    let shared = Arc::clone(state);
    thread::spawn(move || forward(broker, client, Way::Down, &shared));
}

fn forward(mut from: TcpStream, mut to: TcpStream, way: Way, state: &Mutex<State>) {
    let mut buffer = [0; 16 * 1024];
    loop {
        let count = from.read(&mut buffer).unwrap_or(0);
        let passed = state.lock().unwrap().pass(way, count);
        let sent = to.write_all(&buffer[..passed]).is_ok();
        if count == 0 || passed < count || !sent {
            let _ = from.shutdown(Shutdown::Both);
            let _ = to.shutdown(Shutdown::Both);
            return;
        }
    }
}
