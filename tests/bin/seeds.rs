//! Writes a folder of seeds from captures: each as it is, and the content of its blocks.
//!
//! Usage: seeds FOLDER CAPTURE…

use std::path::Path;
use std::{env, fs};

use anyhow::{Context as _, Result};
use iocontend_core::capture::contents;

fn main() -> Result<()> {
    let mut arguments = env::args_os().skip(1);
    let folder = arguments.next().context("usage: seeds FOLDER CAPTURE…")?;
    let folder = Path::new(&folder);
    for (number, capture) in arguments.enumerate() {
        let bytes = fs::read(&capture)?;
        for (block, raw) in contents(&bytes).iter().enumerate() {
            fs::write(folder.join(format!("{number}-{block}")), raw)?;
        }
        fs::write(folder.join(number.to_string()), bytes)?;
    }
    Ok(())
}
