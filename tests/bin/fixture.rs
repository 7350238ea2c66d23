//! Makes a capture fit for the tests: the processes that matter, nothing else of the host it was taken on.
//!
//! Usage: fixture FROM TO NAME… OLD=NEW… — kernel threads and processes of these names stay; all others go, with
//! their arguments and files. In programs and arguments of those that stay, OLD becomes NEW.

use std::fs::File;
use std::io::{BufReader, Write as _};
use std::{env, process};

use anyhow::{Context as _, Result};
use iocontend_core::capture::{Item, Reader, Step, Writer, file_header};
use iocontend_core::event::{Event, decode};
use iocontend_core::facts::ProcessFacts;
use iocontend_core::report::{CgroupVersion, Host};
use iocontend_core::session::{Input, Now};

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
    while let Step::Items(items) = reader.step()? {
        for (now, item) in items {
            last = now;
            if let Item::Session(opening) = &item {
                let mut options = opening.options.clone();
                options.host = Host {
                    hostname: Some("node-1".to_owned()),
                    cgroup_version: Some(CgroupVersion::V2),
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
    }
    let mut writer = writer.context("an empty capture")?;
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

fn put(writer: &mut Writer, item: Item, now: Now, names: &[String]) -> Result<()> {
    let stays = |name: &str| names.iter().any(|known| known == name);
    match item {
        Item::Input(input) => match *input {
            Input::Process(facts) if !facts.kernel_thread && !stays(&facts.comm) => {}
            Input::Process(mut facts) => {
                let ProcessFacts { exe, argv, cwd, open_files, .. } = &mut *facts;
                let files = open_files.iter_mut().map(|file| &mut file.path);
                let texts = exe.iter_mut().chain(argv).chain(cwd).chain(files);
                texts.for_each(|text| rename(text, names));
                writer.input(&Input::Process(facts), now)?;
            }
            input => writer.input(&input, now)?,
        },
        Item::Record(bytes) => match decode(&bytes) {
            Ok(Event::Exec(exec)) if !stays(&exec.comm) => {}
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
