//! Asks the running kernel what it offers: type information, tracepoint formats, symbol addresses.

use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use iocontend_core::plan::{CLASSIC, DIO_END_SYMBOLS, Formats, NoFormats, XLOG_END_SYMBOL};
use iocontend_core::tracefs::Format;
use iocontend_wire::config::DIO_ENDS;

/// Where the kernel shows itself; other paths are for tests.
#[derive(Clone, Debug)]
pub struct KernelPaths {
    /// Type information.
    pub btf: PathBuf,
    /// Where tracefs may be mounted, in order of preference.
    pub tracefs: Vec<PathBuf>,
    /// Symbol addresses.
    pub kallsyms: PathBuf,
}

impl Default for KernelPaths {
    fn default() -> Self {
        Self {
            btf: "/sys/kernel/btf/vmlinux".into(),
            tracefs: vec!["/sys/kernel/tracing".into(), "/sys/kernel/debug/tracing".into()],
            kallsyms: "/proc/kallsyms".into(),
        }
    }
}

impl KernelPaths {
    /// The usual places, unless `IOCONTEND_BTF` or `IOCONTEND_TRACEFS` name others.
    pub fn from_environment() -> Self {
        let mut paths = Self::default();
        if let Some(btf) = std::env::var_os("IOCONTEND_BTF") {
            paths.btf = btf.into();
        }
        if let Some(tracefs) = std::env::var_os("IOCONTEND_TRACEFS") {
            paths.tracefs = vec![tracefs.into()];
        }
        paths
    }

    /// The type information's bytes.
    pub fn read_btf(&self) -> io::Result<Vec<u8>> {
        fs::read(&self.btf)
    }

    /// The mounted tracefs, or why there is none.
    pub fn mounted_tracefs(&self) -> Result<&Path, NoFormats> {
        let mut why = NoFormats::NotMounted;
        for path in &self.tracefs {
            match fs::metadata(path.join("events")) {
                Ok(events) if events.is_dir() => return Ok(path),
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    why = NoFormats::NotPermitted;
                }
                _ => {}
            }
        }
        Err(why)
    }

    /// Formats of the classic tracepoints that are there.
    pub fn read_formats(&self) -> Result<Formats, NoFormats> {
        let events = self.mounted_tracefs()?.join("events");
        let mut formats = Formats::new();
        for (category, name) in CLASSIC {
            match fs::read_to_string(events.join(category).join(name).join("format")) {
                Ok(text) => {
                    formats.insert((category, name), Format::parse(&text));
                }
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    return Err(NoFormats::NotPermitted);
                }
                // A tracepoint that this kernel does not have.
                Err(_) => {}
            }
        }
        Ok(formats)
    }

    /// Addresses of completion functions.
    pub fn read_ends(&self) -> Ends {
        let mut ends = Ends::default();
        let Ok(file) = fs::File::open(&self.kallsyms) else { return ends };
        let mut reader = io::BufReader::with_capacity(1 << 16, file);
        let mut line = Vec::new();
        while matches!(reader.read_until(b'\n', &mut line), Ok(read) if read > 0) {
            match symbol(&line) {
                Some((_, 0)) => ends.are_hidden = true,
                Some((Some(index), address)) => ends.dio[index] = address,
                Some((None, address)) => ends.xlog = address,
                None => {}
            }
            line.clear();
        }
        ends
    }
}

/// Addresses of completion functions of bios; 0 where unknown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ends {
    /// Those of direct IO ([`DIO_END_SYMBOLS`]).
    pub dio: [u64; DIO_ENDS],
    /// That of the log of xfs ([`XLOG_END_SYMBOL`]).
    pub xlog: u64,
    /// The kernel has some of them, and does not show their addresses.
    pub are_hidden: bool,
}

/// `ffffffff81765bf0 T iomap_dio_bio_end_io`, if it is one of the wanted symbols: its place among those of direct IO, none
/// for the log's, and its address, 0 where that is hidden.
fn symbol(line: &[u8]) -> Option<(Option<usize>, u64)> {
    // Hundreds of thousands of lines: two cheap looks at the name before it is compared with each.
    let name = line.get(19..)?;
    if !matches!(name.first(), Some(b'i' | b'b' | b'd' | b's' | b'x'))
        || !name.windows(3).any(|three| three == b"end")
    {
        return None;
    }
    let text = std::str::from_utf8(line).ok()?;
    let mut words = text.split_ascii_whitespace();
    let (address, _kind, name) = (words.next()?, words.next()?, words.next()?);
    let index = DIO_END_SYMBOLS.iter().position(|wanted| *wanted == name);
    if index.is_none() && name != XLOG_END_SYMBOL {
        return None;
    }
    Some((index, u64::from_str_radix(address, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wanted_symbol_is_found_also_in_a_module() {
        assert_eq!(
            symbol(b"ffffffff81765bf0 T iomap_dio_bio_end_io\n"),
            Some((Some(0), 0xffff_ffff_8176_5bf0))
        );
        assert_eq!(
            symbol(b"ffffffffc0a4e9d0 t btrfs_dio_end_io\t[btrfs]\n"),
            Some((Some(7), 0xffff_ffff_c0a4_e9d0))
        );
        assert_eq!(
            symbol(b"ffffffff81765bf0 T submit_bio_wait_endio\n").map(|(index, _)| index),
            Some(Some(6))
        );
        assert_eq!(
            symbol(b"ffffffff81765bf0 T dio_bio_end_aio\n").map(|(index, _)| index),
            Some(Some(5))
        );
        assert_eq!(
            symbol(b"ffffffffc1b3a7d0 t xlog_bio_end_io\t[xfs]\n"),
            Some((None, 0xffff_ffff_c1b3_a7d0))
        );
        assert_eq!(symbol(b"ffffffff81765bf0 T ext4_end_io\n"), None);
        assert_eq!(
            symbol(b"0000000000000000 T iomap_dio_bio_end_io\n"),
            Some((Some(0), 0)),
            "hidden: no CAP_SYSLOG, or kptr_restrict"
        );
    }
}
