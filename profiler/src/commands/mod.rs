//! One verb, one file.

mod advise;
mod demo;
mod doctor;
mod lease;
mod report;
mod watch;

use std::io::{self, Write as _};
use std::time::Duration;

use clap::CommandFactory as _;

use crate::cli::{Cli, Command, Document, WatchArgs};
use crate::demo as workload;
use crate::error::Failure;
use crate::runtime::signals::Signals;

/// How long etcd is looked at where nothing is asked for.
const LOOK: Duration = Duration::from_secs(30);

/// Runs what was asked for.
pub fn run(cli: Cli) -> Result<(), Failure> {
    let command_lines = cli.command_lines();
    let Some(command) = cli.command else {
        return watch::run(&a_look(), &signals()?, command_lines);
    };
    match command {
        Command::Watch(args) => watch::run(&args, &signals()?, command_lines),
        Command::Report(args) => report::run(&args, command_lines),
        Command::Advise(args) => advise::run(&args, &signals()?, command_lines),
        Command::Demo(args) => demo::run(&args, &signals()?, command_lines),
        Command::Doctor(args) => {
            // While it tries the programs, a signal ends it at once.
            let _signals = signals()?;
            doctor::run(&args)
        }
        Command::Apply(args) => lease::apply(&args, &signals()?),
        Command::Undo(args) => lease::undo(&args, &signals()?),
        Command::Status(args) => lease::status(&args),
        Command::LeaseGuardian(args) => lease::guard(&args),
        Command::Schema { document } => schema(document),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "iocontend", &mut text);
            print(&text)
        }
        Command::Man => {
            let mut text = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut text)?;
            print(&text)
        }
        Command::DemoVictim(args) => finish(workload::run_victim(&workload::VictimArgs {
            data_dir: args.data_dir,
            rate: args.rate,
            duration: args.duration,
            split_at: args.split_at,
        })),
        Command::DemoCopier(args) => finish(workload::run_copier(&workload::CopierArgs {
            source: args.source,
            dest: args.dest,
            pause: args.pause,
            delay: args.delay,
            duration: args.duration,
        })),
    }
}

/// What is done where nothing is asked for: the etcd of this host is watched for a while, and only the answer said.
fn a_look() -> WatchArgs {
    WatchArgs { duration: Some(LOOK), interval: LOOK, ..WatchArgs::of_etcd() }
}

/// Signals are answered from the begin on.
fn signals() -> Result<Signals, Failure> {
    Signals::start().map_err(|error| Failure::other(&error.into()))
}

/// The one line a workload leaves behind.
fn finish(result: anyhow::Result<impl serde::Serialize>) -> Result<(), Failure> {
    let result = result.map_err(|error| Failure::other(&error))?;
    workload::write_json_line(&mut io::stdout().lock(), &result)
        .map_err(|error| Failure::other(&error))
}

fn schema(document: Document) -> Result<(), Failure> {
    let schema = match document {
        Document::Report => iocontend_core::schema::report_schema(),
        Document::Doctor => iocontend_core::schema::doctor_schema(),
        Document::Verify => iocontend_core::schema::verify_schema(),
    };
    let mut text =
        serde_json::to_vec_pretty(&schema).map_err(|error| Failure::other(&error.into()))?;
    text.push(b'\n');
    print(&text)
}

fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()?;
    Ok(())
}
