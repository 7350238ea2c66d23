//! Owns the developer's command line: one subcommand per chore, one file per subcommand.
#![expect(
    clippy::print_stderr,
    reason = "a developer tool reports progress on stderr; stdout is kept for results"
)]

mod apt;
mod bench;
mod ci;
mod dist;
mod ebpf;
mod fuzz;
mod lab;
mod layers;
mod lines;
mod run;
mod vm;

use clap::{Parser, Subcommand};

/// Developer tasks of iocontend.
///
/// Using and testing iocontend needs none of them: `cargo build` and `cargo test` work with stable
/// Rust alone, since the kernel object is part of the tree.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the kernel object from source, or check that the committed one is what the source gives
    Ebpf(ebpf::Args),
    /// Run a command under another kernel, in a VM with this host's files and a throttled disk
    Vm(vm::Args),
    /// Measure what watching costs, beside libbpf-tools' biolatency and a tracer in bpftrace (root)
    Bench(bench::Args),
    /// Run scenarios of contention in a VM with a throttled disk, and print what they did to etcd
    Lab(lab::Args),
    /// The storm of context switches that `bench` measures with
    #[command(hide = true)]
    Storm(bench::storm::Args),
    /// Read arbitrary bytes as captures and look for crashes (g++)
    Fuzz(fuzz::Args),
    /// Check that modules use each other in the one order that is written, and in no circle
    Layers(layers::Args),
    /// Build one static binary at target/dist/iocontend
    Dist,
    /// Count lines of code and of tests
    Lines,
    /// Run everything that CI runs, in its order (root)
    Ci(ci::Args),
}

fn main() -> std::process::ExitCode {
    let outcome = match Cli::parse().task {
        Task::Ebpf(args) => ebpf::run(&args).map(|()| 0),
        Task::Vm(args) => vm::run(&args),
        Task::Bench(args) => bench::run(&args).map(|()| 0),
        Task::Lab(args) => lab::run(&args).map(|()| 0),
        Task::Storm(args) => bench::storm::run(&args).map(|()| 0),
        Task::Fuzz(args) => fuzz::run(&args).map(|()| 0),
        Task::Layers(args) => layers::run(&args).map(|()| 0),
        Task::Dist => dist::run().map(|()| 0),
        Task::Lines => lines::run().map(|()| 0),
        Task::Ci(args) => ci::run(&args).map(|()| 0),
    };
    match outcome {
        Ok(code) => std::process::ExitCode::from(code),
        Err(error) => {
            eprintln!("xtask: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
