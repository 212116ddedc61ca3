//! The thread that writes a snapshot down.
//!
//! It lives as long as the snapshot. Chunks come through a channel, and an end; the outcome goes back through another,
//! and a waker wakes the loop. When the loop gives a snapshot up, the thread notices at the next key and takes its file
//! away, unless the file is getting its name at that very moment: then the loop waits for it.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};

use crate::background::{Breaks, Crew, Errand, Progress};
use crate::base::text::explain;
use crate::engine::dataset::order::{Ended, Order, Purpose};
use crate::keyspace::freeze::Chunk;
use crate::persist::aof::rewrite::Rewrite;
use crate::persist::disk::Disk;
use crate::persist::rdb::file::{Failure, SaveFile};
use crate::reactor::{Io, Waker};
use crate::server::Server;
use crate::server::files::paths::{rdb_path, rewritten_aof};
use crate::server::files::pipe::{self, Gone, Next, outward_pipe};

/// The messages to the thread. When it finds the channel closed without an end, it is not needed any more.
enum Message {
    Chunk(Chunk),
    End,
}

/// The thread, as the loop sees it.
pub(in crate::server) struct Saver {
    messages: Sender<Message>,
    outcome: Receiver<Ended>,
    thread: Errand,
    progress: Arc<Progress>,
    /// What goes to replicas, if that is what the snapshot is for; `None` when all of it has been taken.
    pieces: Option<pipe::Receiver<Vec<u8>>>,
    /// How it has ended; told when the pieces are gone.
    ended: Option<Ended>,
}

impl Server {
    /// Starts the thread for a snapshot that has begun.
    pub(in crate::server) fn start_snapshot(&mut self, io: &Io, order: Order) {
        if order.progress.is_abandoned() {
            return;
        }
        self.snapshots_started += 1;
        if order.purpose == Purpose::AofRewrite {
            self.with_log(|log, terms| log.prepare_rewrite(terms.config, order.is_rdb));
        }
        let (mut place, mut pieces) = (None, None);
        let mut sender = None;
        if order.purpose == Purpose::Replicas {
            let (sending, receiving) = outward_pipe();
            (sender, pieces) = (Some(sending), Some(receiving));
        } else {
            place = Some(Place::of(
                self.disk.clone(),
                &order,
                self.snapshots_started,
                rdb_path(self.engine.config()),
            ));
        }
        let (messages, incoming) = mpsc::channel();
        let (report, outcome) = mpsc::channel();
        let (progress, waker) = (order.progress.clone(), io.waker());
        let is_thread = matches!(self.crew, Crew::Threads);
        let rate = is_thread.then(|| self.engine.rate());
        let spawned = self.crew.spawn("persist", move || {
            if is_thread {
                stand_back();
            }
            let breaks = Breaks::new(rate);
            let work = Work {
                order: &order,
                messages: &incoming,
                waker: &waker,
                breaks: &breaks,
            };
            let ended = match (place, sender) {
                (Some(place), _) => run(&work, &place),
                (None, Some(sender)) => send(&work, sender),
                (None, None) => Ended::Badly,
            };
            let _ = report.send(ended);
            waker.wake();
        });
        match spawned {
            Ok(thread) => {
                self.saver = Some(Saver {
                    messages,
                    outcome,
                    thread,
                    progress,
                    pieces,
                    ended: None,
                });
            }
            Err(error) => {
                log::warn!("Can't save in background: {}", explain(&error));
                self.snapshot_ended(Ended::Badly);
            }
        }
    }

    /// Gives replicas what they can take of the snapshot.
    fn pass_pieces_on(&mut self) {
        let Some(Saver { pieces, .. }) = &mut self.saver else {
            return;
        };
        while let Some(receiver) = pieces
            && self.engine.payload_has_room()
        {
            match receiver.try_next() {
                Next::Piece(bytes) => self.engine.handle_payload(bytes),
                Next::Nothing => return,
                Next::Over => *pieces = None,
            }
        }
    }

    /// Hands chunks over that are full, and looks whether the thread has ended.
    pub(in crate::server) fn attend_snapshot(&mut self) {
        if let Some((chunks, is_end)) = self.engine.take_snapshot_chunks()
            && let Some(saver) = &self.saver
        {
            let end = is_end.then_some(Message::End);
            for message in chunks.into_iter().map(Message::Chunk).chain(end) {
                // If the thread is gone already, its report is on the way.
                let _ = saver.messages.send(message);
            }
        }
        self.pass_pieces_on();
        let ended = self.saver.as_mut().and_then(|saver| {
            if saver.ended.is_none() {
                saver.ended = match saver.outcome.try_recv() {
                    Ok(ended) => Some(ended),
                    Err(mpsc::TryRecvError::Empty) => None,
                    Err(mpsc::TryRecvError::Disconnected) => Some(Ended::Badly),
                };
            }
            let is_over = saver.pieces.is_none() || saver.ended != Some(Ended::Well);
            saver.ended.filter(|_| is_over)
        });
        if let Some(ended) = ended {
            self.saver = None;
            self.snapshot_ended(ended);
        }
    }

    fn snapshot_ended(&mut self, ended: Ended) {
        let Some(outcome) = self.engine.handle_snapshot(ended) else {
            return;
        };
        match outcome.purpose {
            Purpose::AofRewrite => self.rewrite_ended(ended),
            // At once: the next save would put another file in its place.
            Purpose::Rdb => self.send_file(&outcome.receivers),
            Purpose::Replicas => {}
        }
    }

    /// FLUSHALL: the snapshot being saved is out of date, and so is the last one, if saves are wanted at all.
    pub(in crate::server) fn flushed_all(&mut self) {
        if self.engine.is_saving(Purpose::Rdb) {
            self.part_with_snapshot();
        }
        if !self.engine.config().save.0.is_empty() {
            // It has been logged, and the client has been answered.
            let _ = self.save();
        }
    }

    /// Gives up the snapshot that is being written, if it is for the file that SAVE writes too.
    pub(in crate::server) fn give_up_rdb_snapshot(&mut self) {
        if self.engine.is_saving(Purpose::Rdb) {
            self.give_up_snapshot();
        }
    }

    /// Gives up the snapshot that is being written, if there is one. Afterwards nothing touches its files any more.
    pub(in crate::server) fn give_up_snapshot(&mut self) {
        let Some(saver) = self.saver.take() else {
            return;
        };
        saver.progress.abandon();
        drop(saver.messages);
        drop(saver.pieces);
        saver.thread.wait();
        let ended = saver.outcome.try_recv().unwrap_or(Ended::Badly);
        self.snapshot_ended(ended);
    }

    /// Waits for threads that were told that they are not needed any more, so that none leaves its file behind.
    pub(in crate::server) fn see_off_savers(&mut self) {
        for thread in self.parting.drain(..) {
            thread.wait();
        }
    }

    /// As `give_up_snapshot`, but lets the thread take its file away, and free what it was given, in its own time:
    /// there may be millions of elements. It has to be waited for only if the file is getting its name.
    pub(in crate::server) fn part_with_snapshot(&mut self) {
        match self.saver.take_if(|saver| saver.progress.abandon()) {
            Some(saver) => {
                self.parting.retain(|thread| !thread.is_done());
                self.parting.push(saver.thread);
                self.snapshot_ended(Ended::Abandoned);
            }
            None => self.give_up_snapshot(),
        }
    }
}

/// Where a snapshot is written, and how it is called when it is complete.
struct Place {
    disk: Arc<dyn Disk>,
    temporary: PathBuf,
    target: PathBuf,
}

impl Place {
    fn of(disk: Arc<dyn Disk>, order: &Order, number: u64, rdb: PathBuf) -> Self {
        let pid = std::process::id();
        match order.purpose {
            Purpose::Rdb | Purpose::Replicas => Self {
                disk,
                temporary: format!("temp-{pid}.{number}.rdb").into(),
                target: rdb,
            },
            Purpose::AofRewrite => Self {
                disk,
                temporary: format!("temp-rewriteaof-{pid}.{number}.aof").into(),
                target: rewritten_aof(),
            },
        }
    }
}

/// Where cores are few, the loop shall not wait for this thread: it has clients, and this has none.
fn stand_back() {
    // On Linux this concerns the calling thread only; elsewhere it would be the whole process.
    #[cfg(target_os = "linux")]
    if let Ok(nice) = rustix::process::getpriority_process(None) {
        let _ = rustix::process::setpriority_process(None, nice + NICER);
    }
}

/// How much nicer the thread is than the loop: half as much weight. With 10 a save took four times as long on a machine
/// whose cores were all busy with other programs.
#[cfg(target_os = "linux")]
const NICER: i32 = 3;

/// What the thread has been given.
struct Work<'a> {
    order: &'a Order,
    messages: &'a Receiver<Message>,
    waker: &'a Waker,
    breaks: &'a Breaks,
}

fn run(work: &Work<'_>, place: &Place) -> Ended {
    match write(work, place) {
        Ok(()) => Ended::Well,
        Err(_) if work.order.progress.is_abandoned() => Ended::Abandoned,
        Err(failure) => {
            log::warn!("{failure}");
            Ended::Badly
        }
    }
}

fn write(work: &Work<'_>, place: &Place) -> Result<(), Failure> {
    let order = work.order;
    let sink = SaveFile::create(&place.disk, &place.temporary, order.syncs_on_the_way)?;
    let mut each_key = work.each_key();
    let sink = if order.is_rdb {
        write_rdb(sink, work, &mut each_key)
    } else {
        write_commands(sink, work, &mut each_key)
    };
    let sink = sink.map_err(Failure::writing)?;
    if !order.progress.may_commit() {
        return Err(Failure::writing(not_needed()));
    }
    sink.commit(&place.target)?;
    match order.purpose {
        Purpose::Rdb | Purpose::Replicas => log::info!("DB saved on disk"),
        Purpose::AofRewrite => log::info!(
            "Successfully created the temporary AOF base file {}",
            place.target.display()
        ),
    }
    Ok(())
}

fn write_rdb<W: Write>(
    sink: W,
    work: &Work<'_>,
    each_key: &mut dyn FnMut() -> io::Result<()>,
) -> io::Result<W> {
    let order = work.order;
    let mut snapshot = order.outline.begin(sink, each_key)?;
    work.receive(|chunk| {
        if order.without_keys {
            return Ok(());
        }
        snapshot.add(chunk)
    })?;
    snapshot.finish()
}

/// Writes the snapshot into a pipe, whose other end passes it on to replicas.
fn send(work: &Work<'_>, sender: pipe::Sender<Vec<u8>>) -> Ended {
    let mut each_key = work.each_key();
    let sink = ToLoop {
        sender,
        waker: work.waker.clone(),
    };
    match write_rdb(sink, work, &mut each_key) {
        Ok(_) => Ended::Well,
        Err(_) if work.order.progress.is_abandoned() => Ended::Abandoned,
        Err(error) => {
            log::warn!(
                "Write error sending DB to the replicas: {}",
                explain(&error)
            );
            Ended::Badly
        }
    }
}

/// A sink whose bytes the loop gets.
struct ToLoop {
    sender: pipe::Sender<Vec<u8>>,
    waker: Waker,
}

impl Write for ToLoop {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.sender.send(bytes.to_vec(), bytes.len());
        sent.map_err(|Gone| not_needed())?;
        self.waker.wake();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_commands(
    sink: SaveFile,
    work: &Work<'_>,
    each_key: &mut dyn FnMut() -> io::Result<()>,
) -> io::Result<SaveFile> {
    let order = work.order;
    let mut rewrite = Rewrite::new(sink, each_key);
    rewrite.begin(order.noted_s, &order.outline.libraries);
    work.receive(|chunk| rewrite.add(chunk))?;
    rewrite.finish()
}

impl<'a> Work<'a> {
    /// Takes chunks until the last has come.
    fn receive(&self, mut take: impl FnMut(Chunk) -> io::Result<()>) -> io::Result<()> {
        loop {
            match self.messages.recv() {
                Ok(Message::Chunk(chunk)) => {
                    take(chunk)?;
                    if self.order.progress.wrote_chunk() {
                        self.waker.wake();
                    }
                    // Elements of a large value are no keys.
                    self.breaks.take_one_if_due();
                }
                Ok(Message::End) => return Ok(()),
                Err(mpsc::RecvError) => return Err(not_needed()),
            }
        }
    }

    /// What is done for each key that the snapshot has.
    fn each_key(&self) -> impl FnMut() -> io::Result<()> + use<'a> {
        let (progress, breaks) = (&self.order.progress, self.breaks);
        let mut keys_since = 0;
        move || {
            breaks.take_one_if_due();
            progress.delay_key(&mut keys_since);
            if progress.wrote_key() {
                Ok(())
            } else {
                Err(not_needed())
            }
        }
    }
}

fn not_needed() -> io::Error {
    io::Error::other("the snapshot is not needed any more")
}
