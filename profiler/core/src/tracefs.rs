//! The `format` file of a classic tracepoint: where each field of its record stands.

use std::collections::BTreeMap;

/// Fields of one tracepoint's record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Format {
    fields: BTreeMap<String, (u32, u32)>,
}

impl Format {
    /// Parses a `format` file (Documentation/trace/events.rst). Lines it does not know are passed over.
    pub fn parse(text: &str) -> Self {
        let mut fields = BTreeMap::new();
        for line in text.lines() {
            if let Some((name, place)) = field(line) {
                fields.insert(name, place);
            }
        }
        Self { fields }
    }

    /// Offset in bytes of a field of exactly this size; `None` when there is no such field.
    pub fn offset(&self, name: &str, size: u32) -> Option<u32> {
        self.fields.get(name).filter(|(_, found)| *found == size).map(|(offset, _)| *offset)
    }
}

/// `\tfield:dev_t dev;\toffset:8;\tsize:4;\tsigned:0;`
fn field(line: &str) -> Option<(String, (u32, u32))> {
    let mut parts = line.trim().split(';').map(str::trim);
    let declaration = parts.next()?.strip_prefix("field:")?;
    let offset = parts.next()?.strip_prefix("offset:")?.parse().ok()?;
    let size = parts.next()?.strip_prefix("size:")?.parse().ok()?;
    let name = declaration.rsplit([' ', '*']).next()?;
    let name = name.split('[').next()?;
    (!name.is_empty()).then(|| (name.to_owned(), (offset, size)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXT4_SYNC_FILE_ENTER: &str = "name: ext4_sync_file_enter\nID: 1201\nformat:\n\
        \tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\
        \tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n\
        \tfield:dev_t dev;\toffset:8;\tsize:4;\tsigned:0;\n\
        \tfield:ino_t ino;\toffset:16;\tsize:8;\tsigned:0;\n\
        \tfield:char comm[16];\toffset:32;\tsize:16;\tsigned:0;\n\
        \tfield:int datasync;\toffset:48;\tsize:4;\tsigned:1;\n\n\
        print fmt: \"dev %d,%d ino %lu\", REC->ino\n";

    #[test]
    fn fields_are_found_by_name_and_size() {
        let format = Format::parse(EXT4_SYNC_FILE_ENTER);
        assert_eq!(format.offset("dev", 4), Some(8));
        assert_eq!(format.offset("ino", 8), Some(16));
        assert_eq!(format.offset("comm", 16), Some(32));
        assert_eq!(format.offset("datasync", 4), Some(48));
        assert_eq!(format.offset("datasync", 8), None, "another size is another field");
        assert_eq!(format.offset("REC->ino", 8), None);
    }

    #[test]
    fn damaged_lines_are_passed_over() {
        assert_eq!(
            Format::parse("field:;offset:x;size:;\n\u{0}\nfield:int a;offset:99999999999;"),
            Format::default()
        );
    }
}
