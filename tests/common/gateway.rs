//! A gateway and a simulated camera within the test's process.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use camgate::config::Config;
use camgate::gateway::{Gateway, Reloader};
use camgate::stream::Registry;
use camgate::testcam::{Camera, Clip, Control, Counters, Options};
use clap::ArgMatches;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::http::Client;
use super::wait::{soon, within};

/// A gateway on a free port. Its segments are half a second long, so that tests are quick.
pub struct TestGateway {
    client: Client,
    registry: Arc<Registry>,
    reloader: Reloader,
    shutdown: CancellationToken,
    running: JoinHandle<std::io::Result<()>>,
}

impl TestGateway {
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With settings as the environment would give them.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        Self::of(config(settings)).await
    }

    pub async fn of(config: Config) -> Self {
        let gateway = Gateway::bind(config).await.unwrap();
        let client = Client { address: gateway.local_addr().unwrap() };
        let (registry, shutdown) = (gateway.registry(), CancellationToken::new());
        let reloader = gateway.reloader();
        let running = tokio::spawn(gateway.run(shutdown.clone()));
        Self { client, registry, reloader, shutdown, running }
    }

    /// What HTTP does not tell.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// Has it take over settings while it runs, as SIGHUP does.
    pub async fn reload(&self, settings: &[(&str, &str)]) {
        self.reloader.apply(config(settings)).await;
    }

    /// Ends it, within the five seconds that it has for that, and what a busy machine takes beside them.
    pub async fn shut_down(self) {
        self.shutdown.cancel();
        within("the shutdown", Duration::from_secs(10), self.running).await.unwrap().unwrap();
    }
}

/// What [`TestGateway::with`] makes of its settings.
pub fn config(settings: &[(&str, &str)]) -> Config {
    let quick = [("HOST", "127.0.0.1"), ("PORT", "0"), ("HLS_SEGMENT_TIME", "0.5")];
    let env: HashMap<&str, &str> = quick.iter().chain(settings).copied().collect();
    let look_up = |name: &str| env.get(name).map(|&value| value.to_owned());
    Config::from_sources(&ArgMatches::default(), look_up, &HashMap::new()).unwrap()
}

impl Deref for TestGateway {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// A camera with a keyframe every 0.48 s.
pub async fn camera() -> Control {
    camera_with(quick()).await
}

/// What [`camera`] is like.
pub fn quick() -> Options {
    Options { clip: Clip::demo().first(12), ..Options::default() }
}

pub async fn camera_with(options: Options) -> Control {
    Camera::bind(options).await.unwrap().spawn()
}

/// Waits until the camera's counters meet `condition`.
pub async fn counters(camera: &Control, what: &str, condition: impl FnMut(&Counters) -> bool) -> Counters {
    soon(what, camera.wait_until(condition)).await
}
