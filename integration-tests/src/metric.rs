use rws_kafka::Observer;

/// Returns the value of one series on the observer's metrics page; `None` if the page lacks it.
///
/// `series` is the name with its labels as the page has them: `family{label="value"}`.
///
/// # Panics
///
/// Panics if the value is not a number.
#[track_caller]
pub fn metric(observer: &Observer, series: &str) -> Option<f64> {
    let page = observer.render();
    let value = page.lines().find_map(|line| {
        let (name, value) = line.rsplit_once(' ')?;
        (name == series).then_some(value)
    })?;
    Some(value.parse().expect("a number"))
}
