// Loaded before anything in TypeScript, so that a Node that is too old gets one clear line and no stack.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(
    `lumin: Node.js 22.19 or newer is needed; this is ${process.versions.node}. Run it through npm (npm start), which brings its own on Linux and Windows.\n`,
  );
  process.exit(1);
}
