//! The loop against real sockets.
//!
//! Most tests drive the turns themselves, in the thread that also holds the other end of the sockets: what a turn
//! did is then known exactly. Tests that move more than the kernel buffers run the loop in a second thread. Nothing
//! sleeps: a blocking read with a generous timeout is the only way to wait, and so is a turn.
//!
//! `Tester` is a program that echoes, keeps a diary of its callbacks, and lets each test replace the callback it is
//! about.

mod connections;
mod doors;
mod fairness;
mod kinds;
mod measure;
mod router;
mod turns;

use std::collections::BTreeMap;
use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

use super::*;

/// A program for tests.
pub(crate) struct Tester {
    pub(crate) state: State,
    pub(crate) hooks: Hooks,
}

/// The program's knowledge, as opposed to its deeds.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) sessions: BTreeMap<ConnId, Session>,
    /// Every callback in a few words; connections are named by the order in which they appeared.
    pub(crate) diary: Vec<String>,
    pub(crate) names: Vec<ConnId>,
    pub(crate) turns: Vec<Turn>,
    pub(crate) read_bytes: usize,
    pub(crate) packets: Vec<(SocketAddr, Vec<u8>)>,
    /// A clock that goes on when a test says so, and what it showed when the turn began.
    pub(crate) clock_us: u64,
    turn_began_us: u64,
    /// What each write costs.
    pub(crate) write_us: u64,
}

#[derive(Default)]
pub(crate) struct Session {
    space: Vec<u8>,
    pub(crate) received: Vec<u8>,
    pub(crate) output: Output,
    pub(crate) peer: Option<Peer>,
    /// Answers `App::input` with nothing.
    pub(crate) is_deaf: bool,
}

type Hook<T> = Box<dyn FnMut(&mut State, &mut Io, T) + Send>;
type GroupHook = Box<dyn FnMut(&mut State, &mut Io, &[ConnId]) + Send>;
type SleepHook = Box<dyn FnMut(&mut State, &mut Io) -> Sleep + Send>;

/// The program's deeds.
pub(crate) struct Hooks {
    pub(crate) opened: Hook<ConnId>,
    pub(crate) connected: Hook<ConnId>,
    pub(crate) received: GroupHook,
    pub(crate) ended: Hook<ConnId>,
    pub(crate) closed: Hook<ConnId>,
    pub(crate) woken: Hook<()>,
    pub(crate) before_sleep: SleepHook,
}

impl Default for Tester {
    fn default() -> Tester {
        Tester {
            state: State {
                read_bytes: 64 * 1024,
                ..State::default()
            },
            hooks: Hooks {
                opened: Box::new(|_, _, _| {}),
                connected: Box::new(|_, _, _| {}),
                received: Box::new(echo),
                ended: Box::new(|_, io, id| io.close(id)),
                closed: Box::new(|_, _, _| {}),
                woken: Box::new(|_, io, ()| io.stop()),
                before_sleep: Box::new(|_, _| PATIENCE),
            },
        }
    }
}

/// Longer than anything that works takes.
const PATIENCE: Sleep = Sleep::AtMostMs(10_000);
const TIMEOUT: Duration = Duration::from_secs(20);

pub(crate) fn echo(state: &mut State, io: &mut Io, group: &[ConnId]) {
    for &id in group {
        let session = state.session(id);
        let bytes = mem::take(&mut session.received);
        session.output.push(&bytes);
        io.want_write(id);
    }
}

impl State {
    pub(crate) fn session(&mut self, id: ConnId) -> &mut Session {
        self.sessions
            .get_mut(&id)
            .expect("a session for every open connection")
    }

    pub(crate) fn say(&mut self, io: &mut Io, id: ConnId, bytes: &[u8]) {
        self.session(id).output.push(bytes);
        io.want_write(id);
    }

    /// Gives a connection its session and its number.
    pub(crate) fn name(&mut self, id: ConnId, peer: Option<&Peer>) {
        let session = Session {
            peer: peer.cloned(),
            ..Session::default()
        };
        assert!(self.sessions.insert(id, session).is_none(), "opened twice");
        self.names.push(id);
    }

    fn number(&self, id: ConnId) -> usize {
        self.names
            .iter()
            .position(|&name| name == id)
            .expect("opened before anything else")
    }

    fn note(&mut self, what: &str, id: ConnId) {
        self.diary.push(format!("{what} {}", self.number(id)));
    }
}

impl App for Tester {
    fn opened(&mut self, io: &mut Io, id: ConnId, peer: &Peer) {
        self.state.name(id, Some(peer));
        self.state.note("opened", id);
        (self.hooks.opened)(&mut self.state, io, id);
    }

    fn connected(&mut self, io: &mut Io, id: ConnId, peer: &Peer) {
        self.state.note("connected", id);
        self.state.session(id).peer = Some(peer.clone());
        (self.hooks.connected)(&mut self.state, io, id);
    }

    fn input(&mut self, id: ConnId) -> &mut [u8] {
        let read_bytes = self.state.read_bytes;
        let session = self.state.session(id);
        session
            .space
            .resize(if session.is_deaf { 0 } else { read_bytes }, 0);
        &mut session.space
    }

    fn filled(&mut self, id: ConnId, count: usize) {
        assert!(count > 0);
        let session = self.state.session(id);
        session.received.extend_from_slice(&session.space[..count]);
    }

    fn received(&mut self, io: &mut Io, group: &[ConnId]) {
        assert!((1..=GROUP_MAX).contains(&group.len()));
        for &id in group {
            self.state.note("received", id);
        }
        (self.hooks.received)(&mut self.state, io, group);
    }

    fn ended(&mut self, io: &mut Io, id: ConnId) {
        self.state.note("ended", id);
        (self.hooks.ended)(&mut self.state, io, id);
    }

    fn output(&mut self, id: ConnId) -> Option<&mut Output> {
        self.state
            .sessions
            .get_mut(&id)
            .map(|session| &mut session.output)
    }

    fn wrote(&mut self, _io: &mut Io, id: ConnId, count: usize) {
        assert!(count > 0);
        self.state.clock_us += self.state.write_us;
        self.state.note("wrote", id);
    }

    fn closed(&mut self, io: &mut Io, id: ConnId, why: Closed) {
        let why = match why {
            Closed::ByApp => "closed by us".to_string(),
            Closed::ByPeer => "closed by peer".to_string(),
            Closed::Failed(error) => format!("failed with {:?}", error.kind()),
        };
        self.state.note(&why, id);
        self.state.sessions.remove(&id).expect("closed once");
        assert!(!io.is_open(id));
        (self.hooks.closed)(&mut self.state, io, id);
    }

    fn datagram(&mut self, io: &mut Io, socket: DatagramId, from: SocketAddr, bytes: &[u8]) {
        self.state.packets.push((from, bytes.to_vec()));
        io.send_to(socket, from, bytes)
            .expect("the loopback takes it");
    }

    fn woken(&mut self, io: &mut Io) {
        self.state.diary.push("woken".into());
        (self.hooks.woken)(&mut self.state, io, ());
    }

    fn signalled(&mut self, _io: &mut Io, signal: Signal) {
        self.state.diary.push(format!("{signal:?}"));
    }

    fn after_sleep(&mut self) {
        self.state.turn_began_us = self.state.clock_us;
    }

    fn spent_us(&mut self) -> u64 {
        self.state.clock_us - self.state.turn_began_us
    }

    fn input_waits(&mut self, id: ConnId) {
        self.state.note("postponed", id);
    }

    fn before_sleep(&mut self, io: &mut Io) -> Sleep {
        (self.hooks.before_sleep)(&mut self.state, io)
    }

    fn turn(&mut self, turn: &Turn) {
        self.state.turns.push(*turn);
    }
}

/// A reactor, its program and one door, turned by hand.
pub(crate) struct Bench {
    pub(crate) reactor: Reactor,
    pub(crate) app: Tester,
    pub(crate) door: ListenerId,
    pub(crate) at: SocketAddr,
}

impl Bench {
    pub(crate) fn new() -> Bench {
        Bench::with(&Settings::default())
    }

    pub(crate) fn with(settings: &Settings) -> Bench {
        let mut reactor = Reactor::new(settings).expect("a poll");
        let door = listen_on(&mut reactor, "127.0.0.1:0");
        let Some(Address::Ip(at)) = reactor.io().address(door) else {
            panic!("a TCP door")
        };
        // Any clock will do: the tests look at the counters.
        reactor.io().trace(Some(|| 0));
        Bench {
            reactor,
            app: Tester::default(),
            door,
            at,
        }
    }

    pub(crate) fn turn(&mut self) -> Turn {
        self.reactor.turn(&mut self.app).expect("a poll that works");
        *self.app.state.turns.last().expect("tracing is on")
    }

    /// Turns until the program has seen what the test waits for.
    pub(crate) fn until(&mut self, is_there: impl Fn(&State) -> bool) {
        while !is_there(&self.app.state) {
            let turn = self.turn();
            let is_stuck = turn.events == 0 && self.app.state.turns.len() > 1;
            let has_work = turn.clients + turn.reads + turn.writes + turn.accepted > 0;
            assert!(
                !is_stuck || has_work,
                "nothing happens any more; so far: {:?}",
                self.app.state.diary
            );
        }
    }

    /// A blocking client, already accepted.
    pub(crate) fn client(&mut self) -> TcpStream {
        let client = self.stranger();
        let already = self.app.state.names.len();
        self.until(|state| state.names.len() > already);
        client
    }

    /// A blocking client that the loop has not met yet.
    pub(crate) fn stranger(&self) -> TcpStream {
        let client = TcpStream::connect(self.at).expect("the door is open");
        client
            .set_read_timeout(Some(TIMEOUT))
            .expect("a fresh socket");
        client
            .set_write_timeout(Some(TIMEOUT))
            .expect("a fresh socket");
        client
    }

    pub(crate) fn diary(&mut self) -> Vec<String> {
        mem::take(&mut self.app.state.diary)
    }

    /// Leaves the turning to another thread.
    pub(crate) fn start(mut self) -> Running {
        let waker = self.reactor.io().waker();
        self.reactor.io().trace(None);
        let at = self.at;
        let thread = std::thread::spawn(move || {
            self.reactor.run(&mut self.app).expect("a poll that works");
            self
        });
        Running { thread, waker, at }
    }
}

/// A bench whose loop runs in a thread of its own, until it is woken.
pub(crate) struct Running {
    thread: JoinHandle<Bench>,
    waker: Waker,
    at: SocketAddr,
}

impl Running {
    pub(crate) fn client(&self) -> TcpStream {
        let client = TcpStream::connect(self.at).expect("the door is open");
        client
            .set_read_timeout(Some(TIMEOUT))
            .expect("a fresh socket");
        client
            .set_write_timeout(Some(TIMEOUT))
            .expect("a fresh socket");
        client
    }

    pub(crate) fn stop(self) -> Bench {
        self.waker.wake();
        self.thread.join().expect("the loop ended well")
    }
}

pub(crate) fn listen_on(reactor: &mut Reactor, address: &str) -> ListenerId {
    let address = address.parse().expect("a literal");
    reactor
        .io()
        .listen(&Listen::Tcp {
            address,
            backlog: 511,
        })
        .expect("a free port")
}

pub(crate) fn read_exactly(from: &mut impl Read, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    from.read_exact(&mut bytes).expect("the bytes come in time");
    bytes
}

pub(crate) fn read_to_end(from: &mut impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).expect("the end comes in time");
    bytes
}

/// Bytes that are different everywhere, so that a lost or repeated piece shows.
pub(crate) fn pattern(count: usize, seed: u64) -> Vec<u8> {
    let mut rng = crate::base::rng::Rng::from_seed(seed);
    let mut bytes = Vec::with_capacity(count + 8);
    while bytes.len() < count {
        bytes.extend_from_slice(&rng.next_u64().to_le_bytes());
    }
    bytes.truncate(count);
    bytes
}
