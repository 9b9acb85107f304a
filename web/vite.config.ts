import { defineConfig, type Plugin } from 'vite';

/** camgate serves the player at /player/{id}; so does the development server. */
const playerRoute: Plugin = {
  name: 'player-route',
  configureServer(server) {
    server.middlewares.use((request, _response, next) => {
      if (request.url?.startsWith('/player/')) request.url = '/player.html';
      next();
    });
  },
};

const gateway = process.env['CAMGATE_URL'] ?? 'http://127.0.0.1:8088';

export default defineConfig({
  plugins: [playerRoute],
  appType: 'mpa',
  server: { proxy: { '/api': gateway, '/streams': gateway } },
  build: {
    target: 'es2021',
    // The pages' Content-Security-Policy allows files of our own only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // hls.js, nearly all of it; only the player loads it.
    chunkSizeWarningLimit: 450,
    rollupOptions: { input: ['index.html', 'player.html'] },
  },
});
