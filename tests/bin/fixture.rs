//! Makes a capture fit for the tests: the processes that matter, nothing else of the host it was taken on.
//!
//! Usage: fixture FROM TO NAME… OLD=NEW… — kernel threads and processes of these names stay (`*`: all); all others go, with
//! their arguments. In what is known of those that stay, of files, of cgroups and of settings, OLD becomes NEW. What was cut off
//! stays cut off. With `!TEXT`, processes go whose program, arguments or folder have TEXT, whatever their name.

use std::fs::File;
use std::io::{BufReader, Write as _};
use std::{env, process};

use anyhow::{Context as _, Result};
use iocontend_core::capture::{End, Item, Reader, Step, Writer, file_header};
use iocontend_core::event::{Event, decode};
use iocontend_core::report::{CgroupVersion, Host};
use iocontend_core::session::{Input, Now};
use serde::Serialize;
use serde::de::DeserializeOwned;

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let (Some(from), Some(to)) = (arguments.next(), arguments.next()) else {
        process::exit(2);
    };
    let names: Vec<String> = arguments.collect();
    let mut reader = Reader::new(BufReader::new(File::open(from)?))?;
    let mut out = File::create(to)?;
    out.write_all(&file_header())?;
    let mut writer = None;
    let mut last = Now::default();
    let end = loop {
        let items = match reader.step()? {
            Step::Items(items) => items,
            Step::End(end) => break end,
        };
        for (now, item) in items {
            last = now;
            if let Item::Session(opening) = &item {
                let mut options = opening.options.clone();
                options.host.kernel.iter_mut().for_each(|kernel| rename(kernel, &names));
                options.host = Host {
                    hostname: Some("node-1".to_owned()),
                    cgroup_version: options.host.cgroup_version.or(Some(CgroupVersion::V2)),
                    ..options.host
                };
                writer = Some(Writer::new(&options, now)?);
            }
            let writer = writer.as_mut().context("no opening")?;
            put(writer, item, now, &names)?;
            for block in writer.take(now)? {
                out.write_all(&block.to_bytes())?;
            }
        }
    };
    let mut writer = writer.context("an empty capture")?;
    if end != End::Clean {
        return Ok(());
    }
    writer.end(last)?;
    for block in writer.take(last)? {
        out.write_all(&block.to_bytes())?;
    }
    Ok(())
}

fn rename(text: &mut String, names: &[String]) {
    for (old, new) in names.iter().filter_map(|name| name.split_once('=')) {
        *text = text.replace(old, new);
    }
}

/// Whether one of the texts has what says that its process goes.
fn goes<'a>(mut texts: impl Iterator<Item = &'a String>, names: &[String]) -> bool {
    let unwanted: Vec<&str> = names.iter().filter_map(|name| name.strip_prefix('!')).collect();
    texts.any(|text| unwanted.iter().any(|unwanted| text.contains(unwanted)))
}

/// The same, where OLD is NEW in all texts.
fn renamed<T: Serialize + DeserializeOwned>(facts: &T, names: &[String]) -> Result<T> {
    let mut text = serde_json::to_string(facts)?;
    rename(&mut text, names);
    Ok(serde_json::from_str(&text)?)
}

/// An end of a process that does not stay: that it ended stays, not what it was.
fn nameless(mut record: Vec<u8>, comm: &str) -> Vec<u8> {
    let name = comm.as_bytes();
    let found = record.windows(name.len().max(1)).rposition(|bytes| bytes == name);
    if let Some(at) = found {
        record[at..at + name.len()].fill(b'x');
    }
    record
}

fn put(writer: &mut Writer, item: Item, now: Now, names: &[String]) -> Result<()> {
    let stays = |name: &str| names.iter().any(|known| known == name || known == "*");
    match item {
        Item::Input(input) => match *input {
            Input::Process(facts) if !facts.kernel_thread && !stays(&facts.comm) => {}
            Input::Process(facts)
                if goes(facts.argv.iter().chain(&facts.exe).chain(&facts.cwd), names) => {}
            Input::Process(facts) => {
                writer.input(&Input::Process(renamed(&facts, names)?), now)?;
            }
            Input::Controls(controls) => {
                writer.input(&Input::Controls(renamed(&controls, names)?), now)?;
            }
            Input::Tables { devices, mut cgroups } => {
                let paths = cgroups.iter_mut().flatten().filter_map(|(_, path)| path.as_mut());
                paths.for_each(|path| rename(path, names));
                writer.input(&Input::Tables { devices, cgroups }, now)?;
            }
            Input::File { id, mut path } => {
                if let Some(path) = &mut path {
                    rename(path, names);
                }
                writer.input(&Input::File { id, path }, now)?;
            }
            input => writer.input(&input, now)?,
        },
        Item::Record(bytes) => match decode(&bytes) {
            Ok(Event::Exec(exec)) if !stays(&exec.comm) || goes(exec.argv.iter(), names) => {}
            Ok(Event::Exit { comm, .. }) if !stays(&comm) => {
                writer.input(&Input::Record(&nameless(bytes, &comm)), now)?;
            }
            _ => writer.input(&Input::Record(&bytes), now)?,
        },
        Item::Io(bytes) => {
            for record in bytes.chunks(48) {
                writer.input(&Input::Record(record), now)?;
            }
        }
        Item::Tracked(pid) => writer.tracked(pid, true, now)?,
        Item::Untracked(pid) => writer.tracked(pid, false, now)?,
        Item::Report { span, sample } => writer.report(span, &sample, now)?,
        Item::Session(_) | Item::End { .. } | Item::Unknown => {}
    }
    Ok(())
}
