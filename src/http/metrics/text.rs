//! OpenMetrics text → the text format that came before it (version 0.0.4).
//!
//! The samples are the same. What is told of them differs: there, a counter's name has its `_total`, and there is no
//! `info` and no end.

/// `text`, for those who do not read OpenMetrics.
pub(super) fn for_prometheus(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 1024);
    let mut help = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            // It stands before the line that says how the name has to end.
            help = rest.split_once(' ');
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            let (suffix, kind) = match kind {
                "counter" => ("_total", kind),
                "info" => ("_info", "gauge"),
                "unknown" => ("", "untyped"),
                _ => ("", kind),
            };
            if let Some((_, help)) = help.take() {
                push(&mut out, &["# HELP ", name, suffix, " ", help]);
            }
            push(&mut out, &["# TYPE ", name, suffix, " ", kind]);
        } else if !line.starts_with('#') {
            push(&mut out, &[line]);
        }
    }
    out
}

fn push(out: &mut String, line: &[&str]) {
    out.extend(line.iter().copied().chain(["\n"]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_format_names_counters_as_their_samples_are_named() {
        let text = "# HELP a Some.\n# TYPE a counter\na_total{x=\"#\"} 1\n# HELP b Build.\n# TYPE b info\nb_info{} 1\n\
                    # HELP c C.\n# TYPE c histogram\nc_sum 0.0\n# EOF\n";
        let older = "# HELP a_total Some.\n# TYPE a_total counter\na_total{x=\"#\"} 1\n\
                     # HELP b_info Build.\n# TYPE b_info gauge\nb_info{} 1\n# HELP c C.\n# TYPE c histogram\nc_sum 0.0\n";
        assert_eq!(for_prometheus(text), older);
    }
}
