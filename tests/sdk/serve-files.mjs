// A server for the SDK tests: gives out the files of a folder, and remembers what is posted to /hook.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';

const [folder, portFile] = process.argv.slice(2);
const hooks = [];

const server = http.createServer((request, response) => {
  if (request.method === 'POST') {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      const { 'x-cld-timestamp': timestamp, 'x-cld-signature': signature } = request.headers;
      hooks.push({ body: Buffer.concat(parts).toString(), timestamp, signature });
      response.end('ok');
    });
    return;
  }
  if (request.url === '/hooks') {
    response.end(JSON.stringify(hooks));
    return;
  }
  const file = path.join(folder, path.basename(new URL(request.url, 'http://x').pathname));
  if (!fs.existsSync(file)) {
    response.writeHead(404).end();
    return;
  }
  fs.createReadStream(file).pipe(response);
});
server.listen(0, '127.0.0.1', () => fs.writeFileSync(portFile, String(server.address().port)));
