// SPDX-License-Identifier: Apache-2.0
// usage: node netron_reader.mjs NETRON_FOLDER FILE
// Reads an offline model with Netron's own reader and prints its nodes and edges as JSON.
import * as fs from 'fs';
import * as path from 'path';
import * as url from 'url';

const [folder, file] = process.argv.slice(2);
const from = (name) => import(url.pathToFileURL(path.resolve(folder, name)).href);

// The little of Netron's stream that its reader asks for.
class Stream {
    constructor(buffer) { this.buffer = buffer; this.position = 0; }
    get length() { return this.buffer.length; }
    seek(position) { this.position = position < 0 ? this.length + position : position; }
    skip(offset) { this.position += offset; }
    peek(length) {
        const end = length === undefined ? this.length : this.position + length;
        return this.buffer.subarray(this.position, end);
    }
    read(length) { const bytes = this.peek(length); this.position += bytes.length; return bytes; }
}

const metadata = {
    types: new Map(JSON.parse(fs.readFileSync(path.join(folder, 'om-metadata.json')))
        .map((type) => [type.name, type])),
    type(name) { return this.types.get(name) || null; },
};
const context = {
    stream: new Stream(new Uint8Array(fs.readFileSync(file))),
    set(name, value) { this.value = value; return this; },
    require: async (name) => (await from(name.replace('./', '') + '.js')),
    metadata: async () => metadata,
};

await from('base.js');
const om = await from('om.js');
const factory = new om.ModelFactory();
if (!await factory.match(context)) {
    throw new Error('Netron does not take this for an offline model');
}
const model = await factory.open(context);
const graph = model.modules[0];
const value = (v) => ({
    name: v.name,
    type: v.type ? v.type.toString() : null,
    bytes: v.initializer && v.initializer.values ? v.initializer.values.length : null,
});
const argument = (a) => a.value.map(value);
console.log(JSON.stringify({
    format: model.format,
    name: graph.name,
    nodes: graph.nodes.map((node) => ({
        name: node.name,
        type: node.type.name,
        inputs: node.inputs.flatMap(argument),
        outputs: node.outputs.flatMap(argument),
        attributes: Object.fromEntries(node.attributes.map((a) => [a.name, a.type])),
    })),
}));
