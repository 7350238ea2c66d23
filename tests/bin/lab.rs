//! The lab's driver. `cargo xtask lab` calls it: `plan` and `tables` on the host, `run` inside the VM.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::{Args, Parser, Subcommand};
use iocontend_core::report::Report;
use iocontend_tests::lab::ablation::{found, shares};
use iocontend_tests::lab::advice;
use iocontend_tests::lab::advice::case::{ASK, Case};
use iocontend_tests::lab::advice::order::Repeats;
use iocontend_tests::lab::advice::result::{Line, Outcome};
use iocontend_tests::lab::advised::{Advised, render};
use iocontend_tests::lab::files::{choose, load_all};
use iocontend_tests::lab::plan::{CaseBoot, boots, case_boot};
use iocontend_tests::lab::result::{Failure, Round, parse};
use iocontend_tests::lab::run::{Settings, run_all};
use iocontend_tests::lab::scenario::Scenario;
use iocontend_tests::lab::{table, verdict};

#[derive(Parser)]
#[command(about = "Contention as users have it, and what it did to etcd")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Args)]
struct Choice {
    /// Names; all when none is given
    names: Vec<String>,
    /// Only those that CI runs
    #[arg(long)]
    ci: bool,
    /// Blocks of all subsets
    #[arg(long)]
    repeats: u32,
    /// Seconds that count in a round, instead of each scenario's own
    #[arg(long)]
    window: Option<u32>,
    /// File system, instead of each scenario's own
    #[arg(long)]
    fs: Option<String>,
    /// Scheduler, instead of each scenario's own
    #[arg(long)]
    sched: Option<String>,
}

#[derive(Args)]
struct Cases {
    /// Names; all when none is given
    names: Vec<String>,
    /// Rounds of each setting
    #[arg(long)]
    repeats: u32,
    /// Rounds again of the best and the advice, which are judged
    #[arg(long)]
    fresh: u32,
    /// Seconds that a window may last, instead of each case's own
    #[arg(long)]
    window: Option<u32>,
    /// Of the order of the rounds
    #[arg(long)]
    seed: u64,
    /// Where results go; what stands there is not run again
    #[arg(long)]
    out: PathBuf,
}

#[derive(Subcommand)]
enum Task {
    /// Print as JSON which VMs are to be booted for what is left of which cases of advice
    AdvicePlan(Cases),
    /// Run what is left of cases of advice in this VM
    AdviceRun {
        #[command(flatten)]
        cases: Cases,
        /// The program that watches and advises
        #[arg(long)]
        iocontend: PathBuf,
        /// Begin no round that would not end within so many seconds
        #[arg(long)]
        seconds: Option<u64>,
    },
    /// Print the tables of a folder of results of advice
    AdviceTables {
        /// The folder
        out: PathBuf,
        /// Let this program advise again, from the captures
        #[arg(long)]
        iocontend: Option<PathBuf>,
    },
    /// Print as JSON which VMs are to be booted, and for what
    Plan(Choice),
    /// Run scenarios in this VM
    Run {
        #[command(flatten)]
        choice: Choice,
        /// Of the order of the rounds
        #[arg(long)]
        seed: u64,
        /// Where results go
        #[arg(long)]
        out: PathBuf,
        /// The program that watches
        #[arg(long)]
        iocontend: PathBuf,
        /// Leave captures
        #[arg(long)]
        record: bool,
        /// Try the first advice of each scenario instead, with windows of so many seconds
        #[arg(long)]
        advice: Option<u64>,
    },
    /// Print the tables of a folder of results
    Tables {
        /// The folder
        out: PathBuf,
    },
    /// Print the table of what became of advice in a folder of results
    Advised {
        /// The folder
        out: PathBuf,
    },
    /// Let a program read the captures of a folder of results again, and print the tables with its blame
    Again {
        /// The folder
        out: PathBuf,
        /// iocontend
        #[arg(long)]
        iocontend: PathBuf,
    },
    /// Fail unless the results show what the scenarios' bounds ask for
    Verdict {
        /// The folder
        out: PathBuf,
    },
}

fn main() -> Result<()> {
    match Cli::parse().task {
        Task::AdvicePlan(cases) => {
            println!("{}", serde_json::to_string(&cases.boots()?)?);
            Ok(())
        }
        Task::AdviceRun { cases, iocontend, seconds } => cases.run(&iocontend, seconds),
        Task::AdviceTables { out, iocontend } => {
            let (mut lines, failures) = advice_results(&out)?;
            if let Some(iocontend) = iocontend {
                lines.iter_mut().try_for_each(|line| advise_again(line, &out, &iocontend))?;
            }
            print!("{}", advice::table::render(&all_cases()?, &lines, &failures));
            Ok(())
        }
        Task::Plan(choice) => {
            let boots = boots(&choice.scenarios()?, choice.repeats);
            println!("{}", serde_json::to_string(&boots)?);
            Ok(())
        }
        Task::Run { choice, seed, out, iocontend, record, advice } => {
            let own = std::env::current_exe()?;
            let programs = own.parent().context("no folder")?.to_owned();
            let scenarios = choice.scenarios()?;
            let settings = Settings {
                repeats: choice.repeats,
                seed,
                out,
                program: iocontend,
                programs,
                record,
                advice: advice.map(Duration::from_secs),
            };
            run_all(&scenarios, &settings, &mut |line| eprintln!("{line}"))
        }
        Task::Tables { out } => {
            let (rounds, failures) = results(&out)?;
            print!("{}", table::render(&all()?, &rounds, &failures));
            Ok(())
        }
        Task::Advised { out } => {
            print!("{}", render(&advised(&out)?));
            Ok(())
        }
        Task::Again { out, iocontend } => {
            let (mut rounds, failures) = results(&out)?;
            for round in &mut rounds {
                again(round, &out, &iocontend)?;
            }
            print!("{}", table::render(&all()?, &rounds, &failures));
            Ok(())
        }
        Task::Verdict { out } => {
            let (rounds, failures) = results(&out)?;
            for line in verdict::judge(&all()?, &rounds, &failures)? {
                eprintln!("{line}");
            }
            Ok(())
        }
    }
}

/// What the program makes of a round's capture.
fn again(round: &mut Round, out: &Path, iocontend: &Path) -> Result<()> {
    let Some(capture) = &round.iocontend.capture else { return Ok(()) };
    let report = reread(iocontend, "report", &out.join(capture))?;
    round.iocontend.blame = shares(&report);
    round.iocontend.findings = found(&report);
    Ok(())
}

/// What the program advises on the capture of a round that asked.
fn advise_again(line: &mut Line, out: &Path, iocontend: &Path) -> Result<()> {
    let Outcome::Measured(measured) = &mut line.outcome else { return Ok(()) };
    let Some(capture) = &measured.round.iocontend.capture else { return Ok(()) };
    if line.todo.arm != ASK {
        return Ok(());
    }
    let report = reread(iocontend, "advise", &out.join(capture))?;
    let capture = capture.clone();
    measured.advised_again(report.advice.unwrap_or_default()).context(capture)
}

/// The report that the program makes of a capture.
fn reread(iocontend: &Path, task: &str, capture: &Path) -> Result<Report> {
    let output = std::process::Command::new(iocontend)
        .arg(task)
        .arg(capture)
        .args(["--pid-of", "etcd", "--output", "json"])
        .output()
        .with_context(|| format!("cannot start {}", iocontend.display()))?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {words}", capture.display());
    Ok(serde_json::from_slice(&output.stdout)?)
}

impl Choice {
    fn scenarios(&self) -> Result<Vec<Scenario>> {
        let mut scenarios = choose(all()?, &self.names)?;
        scenarios.retain(|scenario| !self.ci || scenario.ci.is_some());
        for scenario in &mut scenarios {
            scenario.time.window_s = self.window.unwrap_or(scenario.time.window_s);
            if let Some(fs) = &self.fs {
                scenario.vm.fs.clone_from(fs);
            }
            if let Some(sched) = &self.sched {
                scenario.vm.sched.clone_from(sched);
            }
        }
        Ok(scenarios)
    }
}

impl Cases {
    fn repeats(&self) -> Repeats {
        Repeats { explore: self.repeats, fresh: self.fresh }
    }

    fn cases(&self) -> Result<Vec<Case>> {
        let mut cases = choose(all_cases()?, &self.names)?;
        for case in &mut cases {
            case.time.window_s = self.window.unwrap_or(case.time.window_s);
            case.fresh_window_s = self.window.unwrap_or(case.fresh_window_s);
        }
        Ok(cases)
    }

    fn boots(&self) -> Result<Vec<CaseBoot>> {
        let (lines, _) = advice_results(&self.out)?;
        let mut boots = Vec::new();
        for case in self.cases()? {
            let is_open = advice::order::next(&case, self.repeats(), self.seed, &lines).is_some();
            let left = advice::order::left(&case, self.repeats(), &lines).max(1);
            let left = if is_open { left } else { 0 };
            boots.extend(case_boot(&case.scenario(None)?, &case.kernel, left));
        }
        Ok(boots)
    }

    fn run(&self, iocontend: &Path, seconds: Option<u64>) -> Result<()> {
        let own = std::env::current_exe()?;
        let settings = advice::run::Settings {
            repeats: self.repeats(),
            seed: self.seed,
            out: self.out.clone(),
            program: iocontend.to_owned(),
            programs: own.parent().context("no folder")?.to_owned(),
            time: seconds.map(Duration::from_secs),
        };
        let cases = self.cases()?;
        cases
            .iter()
            .try_for_each(|case| advice::run::run(case, &settings, &mut |line| eprintln!("{line}")))
    }
}

fn all_cases() -> Result<Vec<Case>> {
    load_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("lab/advice"))
}

fn advice_results(out: &Path) -> Result<(Vec<Line>, Vec<Failure>)> {
    let path = out.join("results.jsonl");
    if !path.exists() {
        return Ok(Default::default());
    }
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    advice::result::parse(&text)
}

fn all() -> Result<Vec<Scenario>> {
    load_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("lab/scenarios"))
}

fn advised(out: &Path) -> Result<Vec<Advised>> {
    let path = out.join("advised.jsonl");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

type Results = (Vec<Round>, Vec<Failure>);

fn results(out: &Path) -> Result<Results> {
    let path = out.join("results.jsonl");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    parse(&text)
}
