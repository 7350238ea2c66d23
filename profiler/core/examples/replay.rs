//! How many events a second one core replays: `cargo run --release -p iocontend-core --example replay`.
//!
//! Ten seconds of 200,000 requests a second of eight processes on two disks, and of an etcd that syncs a hundred times a
//! second meanwhile.
#![expect(clippy::disallowed_types, reason = "this measures time")]
#![expect(clippy::print_stdout, reason = "it says what it measured")]

use std::error::Error;
use std::time::Instant;

use bytemuck::bytes_of;
use iocontend_core::capture::{Block, Writer, file_header, replay};
use iocontend_core::facts::{ProcessFacts, ProcessKey};
use iocontend_core::ids::Dev;
use iocontend_core::report::Tool;
use iocontend_core::session::{HostSample, Input, Now, Options, Span};
use iocontend_wire::key::{How, Key, Kind, Owner};
use iocontend_wire::record::{IoRecord, WaitRecord, tag};

const ETCD: u32 = 1;
const US: u64 = 1_000;
const MS: u64 = 1_000_000;
const SECONDS: u64 = 10;
/// Between two requests, ns.
const STEP: u64 = 5 * US;

fn key(pid: u32, device: u32, kind: Kind, file: u32) -> Key {
    Key::owner(Owner::Process(pid), file, How::Direct).with(device, kind as u32)
}

fn at(ns: u64) -> Now {
    Now { mono_ns: ns, unix_ns: i64::try_from(ns).unwrap_or(i64::MAX) }
}

fn request(key: Key, complete_ns: u64, q2c_ns: u64, bytes: u32) -> IoRecord {
    let head = tag::IO.into();
    IoRecord { head, bytes, key: key.0, sector: 0, complete_ns, q2c_ns, d2c_ns: q2c_ns }
}

fn wait(end_ns: u64, counted_ns: u64) -> WaitRecord {
    WaitRecord {
        head: tag::WAIT.into(),
        tid: ETCD,
        key: key(ETCD, 0, Kind::Fdatasync, 1).0,
        start_ns: end_ns - counted_ns,
        end_ns,
        ino: 9,
        dev: 0,
        ret: 0,
        counted_ns,
        runnable_ns: 0,
        away_ns: counted_ns,
        throttled_ns: 0,
    }
}

/// The capture, and how many events are in it.
fn capture() -> Result<(Vec<u8>, u32), Box<dyn Error>> {
    let mut writer = Writer::new(&Options::default(), at(0))?;
    let (mut file, mut events) = (file_header().to_vec(), 0);
    let devices = vec![Some(Dev { major: 8, minor: 0 }), Some(Dev { major: 8, minor: 16 })];
    writer.input(&Input::Tables { devices, cgroups: Vec::new() }, at(0))?;
    writer.input(&Input::Started(HostSample::default()), at(0))?;
    let mut facts = ProcessFacts::named(ProcessKey { pid: ETCD, start_ticks: 1 }, "etcd");
    facts.argv = vec!["etcd".to_owned(), "--data-dir=/d".to_owned()];
    writer.input(&Input::Process(Box::new(facts)), at(0))?;
    for second in 0..SECONDS {
        let begin = MS + second * 1_000 * MS;
        for number in 0..1_000 * MS / STEP {
            let now = begin + number * STEP;
            // Polled twenty times a second.
            let told = at(now - now % (50 * MS) + 50 * MS);
            let pid = 100 + u32::try_from(number % 8)?;
            let one = request(key(pid, pid % 2, Kind::Write, 0), now, 80 * US, 16 << 10);
            writer.input(&Input::Record(bytes_of(&one)), told)?;
            events += 1;
            if number % 2_000 == 0 {
                let own = request(key(ETCD, 0, Kind::Write, 1), now, 700 * US, 4096);
                writer.input(&Input::Record(bytes_of(&own)), told)?;
                writer.input(&Input::Record(bytes_of(&wait(now, 800 * US))), told)?;
                events += 2;
            }
        }
        let end = at(begin + 1_000 * MS);
        writer.report(Span::Interval, &HostSample::default(), end)?;
        file.extend(writer.take(end)?.iter().flat_map(Block::to_bytes));
    }
    let end = at((SECONDS + 1) * 1_000 * MS);
    writer.report(Span::Whole, &HostSample::default(), end)?;
    writer.end(end)?;
    file.extend(writer.take(end)?.iter().flat_map(Block::to_bytes));
    Ok((file, events))
}

fn main() -> Result<(), Box<dyn Error>> {
    let (file, events) = capture()?;
    for _ in 0..3 {
        let begin = Instant::now();
        let replayed = replay(&file[..], None, Tool::default())?;
        let rate = f64::from(events) / begin.elapsed().as_secs_f64() / 1e6;
        println!(
            "{events} events, {rate:.2} million a second; kept {}",
            replayed.report.coverage.events_kept
        );
    }
    Ok(())
}
