//! Leases on IO priorities of real threads.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use iocontend_core::change::Change;
use iocontend_core::facts::ProcessKey;
use iocontend_tests::binary;
use iocontend_tests::lease::Leases;

/// `IOPRIO_WHO_PROCESS`: one thread (include/uapi/linux/ioprio.h).
const WHO_PROCESS: libc::c_int = 1;
/// Class idle, level 0, and class best effort, level 6.
const IDLE: i64 = 3 << 13;
const LOW: i64 = 2 << 13 | 6;

fn get(tid: i32) -> i64 {
    // SAFETY: two integers, no memory.
    unsafe { libc::syscall(libc::SYS_ioprio_get, WHO_PROCESS, tid) }
}

fn set_own(value: i64) {
    // SAFETY: three integers, no memory; 0 stands for the calling thread.
    let result = unsafe { libc::syscall(libc::SYS_ioprio_set, WHO_PROCESS, 0, value) };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}

/// A thread of this process that waits; it starts another one on demand, which takes its priority over.
struct Waiting {
    tid: i32,
    orders: Sender<()>,
    answers: Receiver<i32>,
    handle: JoinHandle<()>,
}

impl Waiting {
    fn new(priority: Option<i64>) -> Self {
        let (orders, received) = channel();
        let (answer, answers) = channel();
        let handle = thread::spawn(move || {
            priority.into_iter().for_each(set_own);
            answer.send(tid()).unwrap();
            let mut others = Vec::new();
            while received.recv().is_ok() {
                let (answer, (hold, end)) = (answer.clone(), channel::<()>());
                let other = thread::spawn(move || {
                    answer.send(tid()).unwrap();
                    // Until nobody holds the other end.
                    end.iter().for_each(drop);
                });
                others.push((hold, other));
            }
            for (hold, other) in others {
                drop(hold);
                other.join().unwrap();
            }
        });
        let tid = answers.recv().unwrap();
        Self { tid, orders, answers, handle }
    }

    fn start_another(&self) -> i32 {
        self.orders.send(()).unwrap();
        self.answers.recv().unwrap()
    }

    fn end(self) {
        drop(self.orders);
        self.handle.join().unwrap();
    }
}

fn tid() -> i32 {
    rustix::thread::gettid().as_raw_nonzero().get()
}

/// This process, whose threads are set.
fn own_key() -> ProcessKey {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = text.rsplit_once(')').unwrap();
    let start_ticks = fields.split_whitespace().nth(19).unwrap().parse().unwrap();
    ProcessKey { pid: std::process::id(), start_ticks }
}

// Property: all threads of a process get the priority, also one that had another one, and each gets its own back; a thread that
// started meanwhile gets that of the first one.
#[test]
#[ignore = "needs the VM"]
fn vm_lease_priorities_of_all_threads_are_set_and_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let leases = Leases::new(binary::path().unwrap(), folder.path());
    let (usual, low) = (Waiting::new(None), Waiting::new(Some(LOW)));
    let first = i32::try_from(std::process::id()).unwrap();
    let before = [first, usual.tid, low.tid].map(get);
    assert_eq!(before[2], LOW);
    let change = |process| Change::IoPriority { process, class: 3, level: 0 };
    leases.advise(vec![change(own_key())], &[]).unwrap();
    leases.apply().unwrap();
    assert_eq!([first, usual.tid, low.tid].map(get), [IDLE; 3]);
    let later = usual.start_another();
    assert_eq!(get(later), IDLE);
    leases.run(&["undo"]).unwrap().ended(0).unwrap();
    assert_eq!([first, usual.tid, low.tid].map(get), before);
    assert_eq!(get(later), before[0]);
    usual.end();
    low.end();

    // Its number belongs to somebody else by now.
    let earlier = ProcessKey { start_ticks: own_key().start_ticks - 1, ..own_key() };
    leases.advise(vec![change(earlier)], &[]).unwrap();
    leases.run(&["apply", "--yes"]).unwrap().ended(1).unwrap().said("not there").unwrap();
    assert_eq!(get(first), before[0]);
}
