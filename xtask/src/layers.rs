//! Owns `cargo xtask layers`: whether modules use each other in the order that `xtask/layers.toml` writes down once,
//! and in no circle.
//!
//! What counts as a use: every path in the source, as a parser sees it: `use` with its groups, renames and globs,
//! re-exports (what is named through one module and stands in another is a use of both), paths inside functions,
//! types, patterns, macro calls and attributes. What is only for tests (`#[cfg(test)]`) is left out: a test may look at
//! its module from anywhere. Not seen: a method that is called without its type or trait being named, and what a
//! macro of another crate makes.
mod judge;
mod names;
mod order;
mod tree;
mod uses;

#[cfg(test)]
mod tests;

use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::run;
use judge::Finding;
use order::{Crate, Order};
use tree::Tree;

/// The one written order, below the workspace.
const ORDER: &str = "xtask/layers.toml";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Print every use of one module by another, as `crate: from -> to`, and check nothing
    #[arg(long)]
    list: bool,
}

impl Args {
    /// What CI asks for.
    pub(crate) fn check() -> Self {
        Self { list: false }
    }
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let workspace = run::workspace();
    let path = workspace.join(ORDER);
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let order = Order::parse(&text).with_context(|| format!("in {ORDER}"))?;
    if args.list { list(&workspace, &order) } else { check(&workspace, &order) }
}

#[expect(clippy::print_stdout, reason = "the list is this command's result")]
fn list(workspace: &Path, order: &Order) -> Result<()> {
    for (name, one) in order.crates() {
        for ((from, to), place) in &Tree::read(workspace, one)?.edges() {
            println!("{name}: {from} -> {to} ({place})");
        }
    }
    Ok(())
}

fn check(workspace: &Path, order: &Order) -> Result<()> {
    let mut found = 0;
    for (name, one) in order.crates() {
        let (modules, findings) = examine(workspace, one).with_context(|| format!("in {name}"))?;
        for finding in &findings {
            eprintln!("{name}: {finding}\n");
        }
        found += findings.len();
        eprintln!("{name}: {modules} modules in order, {} named pairs", one.allowed().len());
    }
    if found > 0 {
        bail!("{found} findings: move what is misplaced, or change the order in {ORDER}");
    }
    Ok(())
}

/// How many modules a crate has, and what is wrong with their order.
fn examine(workspace: &Path, one: &Crate) -> Result<(usize, Vec<Finding>)> {
    let tree = Tree::read(workspace, one)?;
    Ok((tree.files().len(), judge::judge(one, &tree.files(), &tree.edges())))
}
