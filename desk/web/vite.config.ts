import { defineConfig } from "vitest/config";

// The built files travel inside the Python wheel, so nobody needs Node at run time.
// Nothing is inlined (no data: addresses, no inline scripts), so that the strictest content security policy fits.
export default defineConfig({
  base: "/",
  build: {
    outDir: "../static",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
  },
  server: {
    host: "127.0.0.1",
    proxy: {
      "/api": { target: process.env["RINGSIDE_WEB"] ?? "http://127.0.0.1:8080", ws: true },
    },
  },
  test: {
    include: ["test/**/*.test.{ts,tsx}"],
    environment: "node",
    css: true,
  },
});
