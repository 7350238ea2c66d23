//! Puts values into etcd at a fixed rate, whatever the answers take.
//!
//! Says `start` on stdout when all connections are open and the first put is due, `window` when the puts begin to
//! count, and after the last answer one line of JSON: what became of the puts of the window. With `--until-stdin` the window
//! ends early when stdin does.
#![expect(clippy::print_stdout, reason = "a helper program answers on stdout")]

use std::io::Write as _;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Parser;
use iocontend_tests::gateway::Gateway;
use iocontend_tests::load::{End, Schedule, run_until};

#[derive(Parser)]
#[command(about = "Open-loop load on an etcd")]
struct Args {
    /// Such as http://127.0.0.1:2379
    #[arg(long)]
    endpoint: String,
    /// Puts a second
    #[arg(long)]
    rate: u32,
    /// Puts in flight at most, each on a connection of its own
    #[arg(long, default_value_t = 32)]
    connections: u32,
    /// Bytes of a value
    #[arg(long, default_value_t = 1024)]
    value_bytes: usize,
    /// Keys that the puts go round
    #[arg(long, default_value_t = 1000)]
    keys: u64,
    /// Milliseconds at full rate that do not count
    #[arg(long, default_value_t = 0)]
    lead_ms: u64,
    /// Milliseconds that count
    #[arg(long)]
    window_ms: u64,
    /// End the window early when stdin ends
    #[arg(long)]
    until_stdin: bool,
    /// An answer that takes longer is a failure
    #[arg(long, default_value_t = 30_000)]
    limit_ms: u64,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let ms = Duration::from_millis;
    let schedule =
        Schedule { rate: args.rate, lead: ms(args.lead_ms), window: ms(args.window_ms), cut: true };
    let value = value(args.value_bytes);
    let lane = |_| {
        let gateway = Gateway::new(&args.endpoint, ms(args.limit_ms));
        // Opens the connection. (`/health` would be a proposal, with a sync of the log.)
        gateway.get("/version")?;
        let (value, keys) = (value.as_slice(), args.keys.max(1));
        Ok(move |number: u64| gateway.put(&format!("lab/{:06}", number % keys), value))
    };
    let lanes = (0..args.connections.max(1)).map(lane).collect::<Result<Vec<_>>>()?;
    let begin = Instant::now();
    say("start")?;
    thread::spawn(move || {
        thread::sleep((begin + schedule.lead).saturating_duration_since(Instant::now()));
        say("window")
    });
    let end = Arc::new(End::of(schedule));
    if args.until_stdin {
        let end = Arc::clone(&end);
        thread::spawn(move || {
            // Whatever ends it, nobody wants more.
            drop(std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
            end.set(begin.elapsed());
        });
    }
    let outcome = run_until(schedule, begin, lanes, &end)?;
    say(&serde_json::to_string(&outcome)?)
}

fn say(line: &str) -> Result<()> {
    println!("{line}");
    Ok(std::io::stdout().flush()?)
}

/// Bytes that nothing can compress, so that no layer below makes the load smaller than it says.
fn value(bytes: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(1);
    std::iter::repeat_with(|| random.u8(..)).take(bytes).collect()
}
