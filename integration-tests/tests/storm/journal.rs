#[cfg(test)]
mod tests {
    use integration_tests::jobs::stormer::Entry;
    use integration_tests::jobs::{Pen, read_lines};
    use integration_tests::now_ms;

    #[test]
    fn lines_of_several_pens_come_back_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let pens = [1, 2].map(|worker| (worker, Pen::open(&path)));
        for offset in 0..10 {
            let (worker, pen) = &pens[offset as usize % 2];
            pen.note(Entry {
                partition: 11,
                offset,
                worker: *worker,
                at_ms: now_ms(),
            });
        }
        let entries: Vec<Entry> = read_lines(&path);
        let offsets: Vec<i64> = entries.iter().map(|entry| entry.offset).collect();
        assert_eq!(offsets, Vec::from_iter(0..10));
        assert!(entries.iter().all(|entry| entry.partition == 11));
        assert_eq!((entries[0].worker, entries[1].worker), (1, 2));
        assert!(entries[0].at_ms > 0);
    }
}
