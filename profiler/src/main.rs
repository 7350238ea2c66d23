//! The `iocontend` binary: parse, run, exit code. Everything else is in the library.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    iocontend::limits::at_start();
    let cli = iocontend::cli::Cli::parse();
    match iocontend::commands::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}
