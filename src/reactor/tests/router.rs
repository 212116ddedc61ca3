//! Two programs on one loop.

use super::*;

/// A program that speaks its own protocol: it answers every byte with its capital, counts its turns, and dials.
#[derive(Default)]
struct Shouter {
    sessions: BTreeMap<ConnId, (Vec<u8>, Output)>,
    log: Vec<String>,
    wakes: usize,
    heard: usize,
    sleep: Option<Sleep>,
}

impl App for Shouter {
    fn opened(&mut self, _io: &mut Io, id: ConnId, _peer: &Peer) {
        self.sessions.insert(id, (vec![0; 64], Output::new()));
        self.log.push("opened".into());
    }

    fn connected(&mut self, io: &mut Io, id: ConnId, _peer: &Peer) {
        let (_, output) = self.sessions.entry(id).or_default();
        output.push(b"from the second");
        io.want_write(id);
        self.log.push("connected".into());
    }

    fn input(&mut self, id: ConnId) -> &mut [u8] {
        &mut self.sessions.get_mut(&id).expect("its own").0
    }

    fn filled(&mut self, id: ConnId, count: usize) {
        let (space, output) = self.sessions.get_mut(&id).expect("its own");
        output.push(&space[..count].to_ascii_uppercase());
        self.heard += count;
    }

    fn received(&mut self, io: &mut Io, group: &[ConnId]) {
        self.log.push(format!("received {}", group.len()));
        for &id in group {
            io.want_write(id);
        }
    }

    fn output(&mut self, id: ConnId) -> Option<&mut Output> {
        self.sessions.get_mut(&id).map(|(_, output)| output)
    }

    fn closed(&mut self, _io: &mut Io, id: ConnId, _why: Closed) {
        self.sessions.remove(&id).expect("its own");
        self.log.push("closed".into());
    }

    fn woken(&mut self, _io: &mut Io) {
        self.wakes += 1;
    }

    fn before_sleep(&mut self, _io: &mut Io) -> Sleep {
        self.sleep.unwrap_or(PATIENCE)
    }
}

/// The two side by side.
#[derive(Default)]
struct Pair {
    first: Tester,
    second: Shouter,
}

impl Couple for Pair {
    type First = Tester;
    type Second = Shouter;

    fn first(&mut self) -> &mut Tester {
        &mut self.first
    }

    fn second(&mut self) -> &mut Shouter {
        &mut self.second
    }
}

/// A loop with two doors: one echoes, the other shouts.
struct House {
    reactor: Reactor,
    app: Router<Pair>,
    echo_at: SocketAddr,
    shout_at: SocketAddr,
}

fn house() -> House {
    let mut reactor = Reactor::new(&Settings::default()).expect("a poll");
    let mut app = Router(Pair::default());
    let at = |reactor: &mut Reactor, door| match reactor.io().address(door) {
        Some(Address::Ip(at)) => at,
        _ => panic!("a TCP door"),
    };
    // The first program's door was open before anybody thought of a second program.
    let door = listen_on(&mut reactor, "127.0.0.1:0");
    let echo_at = at(&mut reactor, door);
    let door = app
        .with_second(reactor.io(), |_, io| {
            io.listen(&Listen::Tcp {
                address: "127.0.0.1:0".parse().expect("a literal"),
                backlog: 511,
            })
        })
        .expect("a free port");
    let shout_at = at(&mut reactor, door);
    House {
        reactor,
        app,
        echo_at,
        shout_at,
    }
}

impl House {
    fn client(&mut self, at: SocketAddr) -> TcpStream {
        let stream = TcpStream::connect(at).expect("the door is open");
        stream.set_read_timeout(Some(TIMEOUT)).expect("fresh");
        // Connections are no measure: another may end in the very turn in which this one begins.
        let before = self.opened();
        while self.opened() == before {
            self.turn();
        }
        stream
    }

    /// How often a program was told of a new connection.
    fn opened(&self) -> usize {
        let (first, second) = (&self.app.0.first.state.diary, &self.app.0.second.log);
        let lines = first.iter().chain(second);
        lines.filter(|line| line.starts_with("opened")).count()
    }

    fn turn(&mut self) {
        self.reactor.turn(&mut self.app).expect("a working poll");
    }

    /// Turns until the first program has written so often, and the second has heard so many bytes.
    fn until(&mut self, written: usize, heard: usize) {
        loop {
            let diary = &self.app.0.first.state.diary;
            let wrote = diary.iter().filter(|line| line.starts_with("wrote"));
            if wrote.count() >= written && self.app.0.second.heard >= heard {
                return;
            }
            self.turn();
        }
    }
}

#[test]
fn connections_find_their_program_by_their_door() {
    use std::io::Write;
    let mut house = house();
    let (echo_at, shout_at) = (house.echo_at, house.shout_at);
    let mut clients: Vec<(TcpStream, bool)> = (0..20)
        .map(|index| {
            let shouts = index % 3 == 0;
            (
                house.client(if shouts { shout_at } else { echo_at }),
                shouts,
            )
        })
        .collect();
    for round in 0..3 {
        for (client, _) in &mut clients {
            client.write_all(b"word").expect("room");
        }
        // All have sent before the loop looks, so groups belong to both.
        house.until(13 * (round + 1), 7 * 4 * (round + 1));
        for (client, shouts) in &mut clients {
            let expected: &[u8] = if *shouts { b"WORD" } else { b"word" };
            assert_eq!(read_exactly(client, 4), expected, "round {round}");
        }
    }
    assert_eq!(house.app.0.first.state.sessions.len(), 13);
    assert_eq!(house.app.0.second.sessions.len(), 7);

    // Their places are taken by others: nothing of the old owners is left.
    drop(clients);
    while house.reactor.io().connections() > 0 {
        house.turn();
    }
    assert!(house.app.0.first.state.sessions.is_empty() && house.app.0.second.sessions.is_empty());
    house.app.0.first.state.diary.clear();
    house.app.0.second.heard = 0;
    for index in 0..20_usize {
        let shouts = index % 2 == 0;
        let mut client = house.client(if shouts { shout_at } else { echo_at });
        client.write_all(b"x").expect("room");
        house.until(index.div_ceil(2), index / 2 + 1);
        let expected: &[u8] = if shouts { b"X" } else { b"x" };
        assert_eq!(read_exactly(&mut client, 1), expected);
    }
}

#[test]
fn what_a_program_dials_is_its_own() {
    let mut house = house();
    let far = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let to = Address::Ip(far.local_addr().expect("bound"));
    house
        .app
        .with_second(house.reactor.io(), |_, io| io.connect(&to, None, None))
        .expect("nothing against it");
    let (mut end, _) = far.accept().expect("it dials");
    while !house.app.0.second.log.contains(&"connected".to_owned()) {
        house.turn();
    }
    end.set_read_timeout(Some(TIMEOUT)).expect("fresh");
    assert_eq!(read_exactly(&mut end, 15), b"from the second");
    assert!(house.app.0.first.state.diary.is_empty());
}

#[test]
fn what_concerns_everybody_is_told_to_both() {
    use Sleep::{AtMostMs, Forever, NotAtAll};
    let mut house = house();
    house.app.0.first.hooks.woken = Box::new(|_, _, ()| {});
    // The shorter sleep counts: with the other one the last turn would never end.
    house.app.0.first.hooks.before_sleep = Box::new(|_, _| Forever);
    house.app.0.second.sleep = Some(AtMostMs(1));
    house.turn();
    house.reactor.io().waker().wake();
    house.turn();
    assert_eq!(house.app.0.first.state.diary, ["woken"]);
    assert_eq!(house.app.0.second.wakes, 1);
    house.turn();
    assert_eq!(Forever.shorter(AtMostMs(3)), AtMostMs(3));
    assert_eq!(AtMostMs(2).shorter(AtMostMs(3)), AtMostMs(2));
    assert_eq!(AtMostMs(2).shorter(NotAtAll), NotAtAll);
    assert_eq!(Forever.shorter(Forever), Forever);
}
