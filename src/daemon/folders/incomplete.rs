//! When a folder that is new, was empty or held something new is looked through again.

/// A folder counts as missing until a scan finds files and nothing that is not known yet, and until then each delivery costs
/// a comparison: the next scan is not left to its own time.
#[derive(Debug, Default)]
pub struct Incomplete {
    /// Scans in a row after which it still counted as missing though there were files.
    scans: u32,
    is_empty: bool,
}

impl Incomplete {
    /// After a scan: which one in a row the next one is, if it is to come soon.
    pub fn scanned(&mut self, is_missing: bool, files: u64) -> Option<u32> {
        self.is_empty = is_missing && files == 0;
        self.scans = if is_missing && files > 0 { self.scans + 1 } else { 0 };
        (self.scans > 0).then_some(self.scans)
    }

    /// After a file was read, which may be the first of an empty folder.
    pub fn read(&mut self) -> Option<u32> {
        std::mem::take(&mut self.is_empty).then_some(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_looked_through_until_all_of_it_is_known() {
        let mut incomplete = Incomplete::default();
        assert_eq!(
            [(true, 5), (true, 5), (false, 5)].map(|(is, files)| incomplete.scanned(is, files)),
            [Some(1), Some(2), None]
        );
        assert_eq!((incomplete.scanned(true, 0), incomplete.read(), incomplete.read()), (None, Some(1), None));
        assert_eq!(
            (incomplete.scanned(true, 1), incomplete.scanned(false, 1), incomplete.read()),
            (Some(1), None, None)
        );
    }
}
