/// Declares a recorder and its metric families.
///
/// ```text
/// recorder! {
///     /// Counts what happens to boxes.
///     pub struct BoxesOf by ["colour"];
///
///     opened: Counters {
///         name: "rws_kafka_boxes_opened_total",
///         help: "Boxes that were opened",
///         /// Counts a box that was opened.
///         fn opened() => inc();
///     }
///     shut: CountersByValue {
///         name: "rws_kafka_boxes_shut_total",
///         help: "Boxes that were shut",
///         label: "how" of ["softly", "loudly"],
///         /// Counts a box that was slammed.
///         fn slammed() => inc("loudly");
///     }
/// }
/// ```
///
/// This defines `BoxesOf` with the methods `opened` and `slammed`; its `Series`, with one field for each
/// family, for methods that record to several; and `Families`, which makes recorders (`of`), builds the
/// page, and declares the families for tables and tests ([`families`](crate::families)). A kind is a type
/// that implements [`Kind`](crate::kinds::Kind). After `=>` comes a method of its series.
macro_rules! recorder {
    (
        $(#[$doc:meta])*
        pub struct $Recorder:ident by $by:tt;
        $(
            $family:ident: $kind:ty {
                name: $name:literal,
                help: $help:literal,
                $(label: $label:literal $(of $values:tt)?,)?
                $(
                    $(#[$method_doc:meta])*
                    fn $method:ident($($arg:ident: $type:ty),*) => $record:ident($($given:expr),*);
                )*
            }
        )+
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $Recorder {
            /// `None` if no metrics are recorded.
            series: Option<Series>,
        }

        impl $Recorder {
            $($(
                $(#[$method_doc])*
                pub fn $method(&self $(, $arg: $type)*) {
                    if let Some(series) = &self.series {
                        series.$family.$record($($given),*);
                    }
                }
            )*)+
        }

        #[derive(Clone, Debug)]
        struct Series {
            $($family: <$kind as $crate::kinds::Kind>::Series,)+
        }

        /// The families of a
        #[doc = concat!("[`", stringify!($Recorder), "`].")]
        #[derive(Debug)]
        pub(crate) struct Families {
            $(pub(crate) $family: $kind,)+
        }

        impl Families {
            pub(crate) const DECLARED: &[&$crate::family::Family] = &[$(
                recorder!(@declared $kind, $name, $help, $by [$($label)?] [$($($values)?)?]),
            )+];

            pub(crate) fn new() -> Self {
                Self {
                    $($family: <$kind as $crate::kinds::Kind>::new(
                        recorder!(@declared $kind, $name, $help, $by [$($label)?] [$($($values)?)?])
                    ),)+
                }
            }

            /// Returns the recorder for these label values, in the declared order. It records nothing
            /// unless `is_on`.
            pub(crate) fn of(&self, labels: &[&str], is_on: bool) -> $Recorder {
                let series = || Series {
                    $($family: $crate::kinds::Kind::of(&self.$family, labels),)+
                };
                $Recorder { series: is_on.then(series) }
            }

            pub(crate) fn gather(&self) -> Vec<prometheus::proto::MetricFamily> {
                let families = [$($crate::kinds::Kind::gather(&self.$family),)+];
                families.into_iter().flatten().collect()
            }
        }
    };
    (@declared $kind:ty, $name:literal, $help:literal,
     [$($by:literal),*] [$($label:literal)?] [$([$($value:literal),+])?]) => {
        &$crate::family::Family {
            name: $name,
            help: $help,
            kind: <$kind as $crate::kinds::Kind>::KIND,
            labels: &[$($by,)* $($label)?],
            values: &[$($($value),+)?],
        }
    };
}

pub(crate) use recorder;
