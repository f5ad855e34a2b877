// Prints, as one line of JSON for each file named, what Khronos' validator says of it.
const fs = require("fs");
const validator = require("gltf-validator");

(async () => {
  for (const file of process.argv.slice(2)) {
    const report = await validator.validateBytes(new Uint8Array(fs.readFileSync(file)));
    console.log(JSON.stringify({ file, issues: report.issues, info: report.info }));
  }
})();
