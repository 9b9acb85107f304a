//! What `camgate probe` finds of a camera that sends 25 pictures a second and a keyframe every two seconds.

use serde_json::Value;

use super::process::Camgate;

pub fn is_close(fact: &Value, truth: f64, by: f64) -> bool {
    fact.as_f64().is_some_and(|found| (found - truth).abs() <= by)
}

/// The report on `link`, with both measured right. What arrives late on a busy machine changes what is measured, though not three
/// times in a row.
pub async fn report(link: &str) -> Value {
    let mut reports = Vec::new();
    while reports.len() < 3 {
        let arguments = ["probe", link, "--json", "--seconds", "5"];
        let (status, stdout, stderr) = Camgate::run(&arguments, &[]).ended().await;
        assert!(status.success(), "{stderr}");
        let report: Value = serde_json::from_str(&stdout).unwrap();
        let video = &report["video"];
        if is_close(&video["frame_rate"], 25.0, 1.0)
            && is_close(&video["keyframe_interval_seconds"], 2.0, 0.2)
        {
            return report;
        }
        reports.push(stdout);
    }
    panic!("{reports:#?}");
}
