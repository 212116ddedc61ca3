//! The thread that writes a snapshot down.
//!
//! It lives as long as the snapshot. Chunks come through a channel, and an end; how it went goes back through another,
//! with a knock at the loop's door. When the loop gives a snapshot up, the thread notices at the next key and takes its
//! file away, unless the file is getting its name at that very moment: then the loop waits for it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use super::Server;
use crate::background::{Crew, Errand, Progress};
use crate::engine::snapshot::{Ended, Order, Purpose};
use crate::keyspace::freeze::Chunk;
use crate::persist::aof::rewrite::Rewrite;
use crate::persist::disk::Disk;
use crate::persist::rdb::file::{Failure, FileWriter, SaveFile};
use crate::persist::snapshot::Snapshot;
use crate::reactor::{Io, Waker};

/// What goes to the thread. When it finds the channel closed without an end, it is not needed any more.
enum Message {
    Chunk(Chunk),
    End,
}

/// The thread, as the loop sees it.
pub(super) struct Saver {
    messages: Sender<Message>,
    outcome: Receiver<Ended>,
    thread: Errand,
    progress: Arc<Progress>,
}

impl Server {
    /// Starts the thread for a snapshot that has begun.
    pub(super) fn start_snapshot(&mut self, io: &Io, order: Order) {
        if order.progress.is_abandoned() {
            return;
        }
        self.snapshots_started += 1;
        if order.purpose == Purpose::AofRewrite {
            self.prepare_rewrite(order.is_rdb);
        }
        let place = Place::of(
            self.disk.clone(),
            &order,
            self.snapshots_started,
            &self.engine.services.config.dbfilename,
        );
        let (messages, incoming) = mpsc::channel();
        let (report, outcome) = mpsc::channel();
        let (progress, waker) = (order.progress.clone(), io.waker());
        let is_thread = matches!(self.crew, Crew::Threads);
        let spawned = self.crew.spawn("persist", move || {
            if is_thread {
                stand_back();
            }
            let ended = run(&order, &place, &incoming, &waker);
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
                });
            }
            Err(error) => {
                log::warn!(
                    "Can't save in background: {}",
                    crate::base::text::explain(&error)
                );
                self.snapshot_ended(Ended::Badly);
            }
        }
    }

    /// Hands chunks over that are full, and looks whether the thread has ended.
    pub(super) fn attend_snapshot(&mut self) {
        if let Some((chunks, is_end)) = self.engine.take_snapshot_chunks()
            && let Some(saver) = &self.saver
        {
            let end = is_end.then_some(Message::End);
            for message in chunks.into_iter().map(Message::Chunk).chain(end) {
                // If the thread is gone already, its report is on the way.
                let _ = saver.messages.send(message);
            }
        }
        let ended = self
            .saver
            .as_ref()
            .and_then(|saver| match saver.outcome.try_recv() {
                Ok(ended) => Some(ended),
                Err(mpsc::TryRecvError::Empty) => None,
                Err(mpsc::TryRecvError::Disconnected) => Some(Ended::Badly),
            });
        if let Some(ended) = ended {
            self.saver = None;
            self.snapshot_ended(ended);
        }
    }

    fn snapshot_ended(&mut self, ended: Ended) {
        if let Some((Purpose::AofRewrite, started_s)) = self.engine.snapshot_ended(ended) {
            self.rewrite_ended(ended, started_s);
        }
    }

    /// FLUSHALL: what is being saved is out of date, and so is what was saved last, if saves are wanted at all.
    pub(super) fn flushed_all(&mut self) {
        if self.engine.services.snapshots.is_saving(Purpose::Rdb) {
            self.part_with_snapshot();
        }
        if !self.engine.services.config.save.0.is_empty() {
            // It has been logged, and the client has been answered.
            let _ = self.save();
        }
    }

    /// Gives up the snapshot that is being written, if it is for the file that SAVE writes too.
    pub(super) fn give_up_rdb_snapshot(&mut self) {
        if self.engine.services.snapshots.is_saving(Purpose::Rdb) {
            self.give_up_snapshot();
        }
    }

    /// Gives up the snapshot that is being written, if there is one. Afterwards nothing touches its files any more.
    pub(super) fn give_up_snapshot(&mut self) {
        let Some(saver) = self.saver.take() else {
            return;
        };
        saver.progress.abandon();
        drop(saver.messages);
        saver.thread.wait();
        let ended = saver.outcome.try_recv().unwrap_or(Ended::Badly);
        self.snapshot_ended(ended);
    }

    /// Waits for threads that were told that they are not needed any more, so that none leaves its file behind.
    pub(super) fn see_off_savers(&mut self) {
        for thread in self.parting.drain(..) {
            thread.wait();
        }
    }

    /// As `give_up_snapshot`, but lets the thread take its file away, and free what it was given, in its own time: there
    /// may be millions of elements. It has to be waited for only if the file is getting its name.
    fn part_with_snapshot(&mut self) {
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
    fn of(disk: Arc<dyn Disk>, order: &Order, number: u64, rdb: &[u8]) -> Self {
        use std::os::unix::ffi::OsStrExt;
        let pid = std::process::id();
        match order.purpose {
            Purpose::Rdb => Self {
                disk,
                temporary: format!("temp-{pid}.{number}.rdb").into(),
                target: Path::new(std::ffi::OsStr::from_bytes(rdb)).to_path_buf(),
            },
            Purpose::AofRewrite => Self {
                disk,
                temporary: format!("temp-rewriteaof-{pid}.{number}.aof").into(),
                target: rewritten_aof(),
            },
        }
    }
}

/// What a rewritten append-only file is called until it becomes the new base.
pub(super) fn rewritten_aof() -> PathBuf {
    format!("temp-rewriteaof-bg-{}.aof", std::process::id()).into()
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

fn run(order: &Order, place: &Place, messages: &Receiver<Message>, waker: &Waker) -> Ended {
    match write(order, place, messages, waker) {
        Ok(()) => Ended::Well,
        Err(_) if order.progress.is_abandoned() => Ended::Abandoned,
        Err(failure) => {
            log::warn!("{failure}");
            Ended::Badly
        }
    }
}

fn write(
    order: &Order,
    place: &Place,
    messages: &Receiver<Message>,
    waker: &Waker,
) -> Result<(), Failure> {
    let sink = SaveFile::create(&place.disk, &place.temporary, order.syncs_on_the_way)?;
    let progress = &order.progress;
    let mut delay = Delay::new(order.key_delay_us);
    let mut each_key = || {
        delay.pass(progress);
        if progress.wrote_key() {
            Ok(())
        } else {
            Err(not_needed())
        }
    };
    let sink = if order.is_rdb {
        write_rdb(sink, order, messages, waker, &mut each_key)
    } else {
        write_commands(sink, order, messages, waker, &mut each_key)
    };
    let sink = sink.map_err(Failure::writing)?;
    if !progress.may_commit() {
        return Err(Failure::writing(not_needed()));
    }
    sink.commit(&place.target)?;
    match order.purpose {
        Purpose::Rdb => log::info!("DB saved on disk"),
        Purpose::AofRewrite => log::info!(
            "Successfully created the temporary AOF base file {}",
            place.target.display()
        ),
    }
    Ok(())
}

fn write_rdb(
    sink: SaveFile,
    order: &Order,
    messages: &Receiver<Message>,
    waker: &Waker,
    each_key: &mut dyn FnMut() -> io::Result<()>,
) -> io::Result<SaveFile> {
    let mut file = FileWriter::new(sink, order.form);
    for (name, value) in &order.aux {
        file.aux(name.as_bytes(), value.as_bytes())?;
    }
    for library in &order.libraries {
        file.functions(library)?;
    }
    let mut snapshot = Snapshot::new(file, order.form, order.usage, &order.census, each_key);
    receive(order, messages, waker, |chunk| snapshot.add(chunk))?;
    snapshot.finish()
}

fn write_commands(
    sink: SaveFile,
    order: &Order,
    messages: &Receiver<Message>,
    waker: &Waker,
    each_key: &mut dyn FnMut() -> io::Result<()>,
) -> io::Result<SaveFile> {
    let mut rewrite = Rewrite::new(sink, each_key);
    rewrite.begin(order.noted_s, &order.libraries);
    receive(order, messages, waker, |chunk| rewrite.add(chunk))?;
    rewrite.finish()
}

/// Takes chunks until the last has come.
fn receive(
    order: &Order,
    messages: &Receiver<Message>,
    waker: &Waker,
    mut take: impl FnMut(Chunk) -> io::Result<()>,
) -> io::Result<()> {
    loop {
        match messages.recv() {
            Ok(Message::Chunk(chunk)) => {
                take(chunk)?;
                if order.progress.wrote_chunk() {
                    waker.wake();
                }
            }
            Ok(Message::End) => return Ok(()),
            Err(mpsc::RecvError) => return Err(not_needed()),
        }
    }
}

fn not_needed() -> io::Error {
    io::Error::other("the snapshot is not needed any more")
}

/// `rdb-key-save-delay`, with which tests make a save last.
struct Delay {
    us: i32,
    keys: u32,
}

impl Delay {
    fn new(us: i32) -> Self {
        Self { us, keys: 0 }
    }

    fn pass(&mut self, progress: &Progress) {
        if self.us > 0 {
            progress.pause(Duration::from_micros(self.us as u64));
        } else if self.us < 0 {
            self.keys += 1;
            if self.keys >= self.us.unsigned_abs() {
                self.keys = 0;
                progress.pause(Duration::from_micros(1));
            }
        }
    }
}
