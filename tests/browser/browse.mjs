// Opens the page of tlsrpt-statusd in Chromium, follows every link, and says what is wrong with what it found:
//
//   node browse.mjs URL [FOLDER]      prints {"pages": [...], "problems": [...], "requests": N}; pictures go into FOLDER
//   node browse.mjs --picture URL FILE    takes one picture, of the upper part of the page
//
// CHROMIUM names the browser. What is run inside the pages (axe) goes through the DevTools protocol, so their own
// Content-Security-Policy stays in force.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { HtmlValidate } from 'html-validate';
import puppeteer from 'puppeteer-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const WIDTHS = [360, 1600];
const SCHEMES = ['light', 'dark'];
// A site may have more; links to them are looked at, but they are not opened.
const MOST_PAGES = 40;

const problems = [];
const wrong = (where, what) => problems.push(`${where}: ${what}`);

const validator = new HtmlValidate({
    extends: ['html-validate:standard'],
    rules: {
        // A style, and maud's: every element is closed, and texts are escaped as it likes.
        'void-style': 'off',
        'no-raw-characters': 'off',
        'long-title': 'off',
        // A region that scrolls is no section of the text.
        'prefer-native-element': ['error', { exclude: ['region'] }],
        // Only so WebKit finds lists that have no bullets, and pages without one hurt nobody.
        'no-redundant-role': 'error',
    },
});

async function launch() {
    return puppeteer.launch({
        executablePath: process.env.CHROMIUM,
        headless: true,
        args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars', '--force-color-profile=srgb', '--disable-lcd-text'],
    });
}

// A page that tells of everything that goes wrong in it.
async function watched(browser, origin, counts) {
    const page = await browser.newPage();
    page.on('console', message => {
        if (['error', 'warn', 'warning'].includes(message.type())) wrong(page.url(), `console: ${message.text()}`);
    });
    page.on('pageerror', error => wrong(page.url(), `error: ${error.message}`));
    page.on('dialog', dialog => { wrong(page.url(), `dialog: ${dialog.message()}`); dialog.dismiss(); });
    page.on('request', request => {
        counts.requests++;
        const url = new URL(request.url());
        if (url.origin !== origin) wrong(page.url(), `request to ${request.url()}`);
        else if (!['document', 'stylesheet'].includes(request.resourceType()) && url.pathname !== '/icon.svg') {
            wrong(page.url(), `request for ${request.resourceType()} ${request.url()}`);
        }
    });
    return page;
}

async function judge(page, name, scheme, width) {
    const where = `${name} (${scheme}, ${width})`;
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (wide > 0) wrong(where, `${wide} pixels wider than the window`);
    const opened = await page.evaluate(() => {
        document.querySelectorAll('details').forEach(it => { it.open = true; });
        return document.scripts.length + document.querySelectorAll('[style], [onload], [onerror], [onclick]').length;
    });
    if (opened > 0) wrong(where, 'scripts or styles in the markup');
    await page.evaluate(AXE);
    const violations = await page.evaluate(async () => {
        const found = await globalThis.axe.run(document, { resultTypes: ['violations'] });
        return found.violations.map(it => `${it.id}: ${it.help}: ${it.nodes.slice(0, 3).map(node => node.html.slice(0, 200)).join(' | ')}`);
    });
    violations.forEach(it => wrong(where, `axe: ${it}`));
}

async function validate(html, name) {
    const report = await validator.validateString(html);
    for (const message of report.results.flatMap(result => result.messages)) {
        wrong(name, `markup: line ${message.line}, column ${message.column}: ${message.ruleId}: ${message.message}`);
    }
}

function picture(folder, name, scheme, width) {
    const file = name.replace(/[^a-z0-9.-]+/gi, '_').slice(0, 80) || '_';
    return `${folder}/${file}-${scheme}-${width}.png`;
}

async function browse(start, folder) {
    const origin = new URL(start).origin;
    const counts = { requests: 0 };
    const browser = await launch();
    const seen = new Set([start]);
    const queue = [start];
    const pages = [];
    const context = await watched(browser, origin, counts);
    while (queue.length > 0 && pages.length < MOST_PAGES) {
        const url = queue.shift();
        const name = url.slice(origin.length);
        // The browser shows what it is sent; what is judged as markup is what was sent.
        const answer = await fetch(url);
        const body = await answer.text();
        if (!answer.ok) wrong(name, `status ${answer.status}`);
        if (!(answer.headers.get('content-type') ?? '').startsWith('text/html')) continue;
        pages.push({ path: name, bytes: Buffer.byteLength(body) });
        await validate(body, name);
        // The first in all forms; the others in the narrow light and the wide dark one.
        for (const [place, width] of WIDTHS.entries()) {
            for (const scheme of pages.length === 1 ? SCHEMES : [SCHEMES[place]]) {
                await context.setViewport({ width, height: 900, deviceScaleFactor: 1 });
                await context.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
                await context.goto(url, { waitUntil: 'load' });
                if (folder) await context.screenshot({ path: picture(folder, name, scheme, width), fullPage: true });
                await judge(context, name, scheme, width);
            }
        }
        const links = await context.$$eval('a[href]', all => all.map(it => it.href));
        for (const link of links.map(it => it.split('#')[0])) {
            if (new URL(link).origin !== origin) wrong(name, `link to ${link}`);
            else if (!seen.has(link)) { seen.add(link); queue.push(link); }
        }
    }
    await browser.close();
    console.log(JSON.stringify({ pages, problems, requests: counts.requests }));
}

async function takePicture(url, file) {
    const browser = await launch();
    const page = await browser.newPage();
    await page.setViewport({ width: 1100, height: 2080, deviceScaleFactor: 0.8 });
    await page.goto(url, { waitUntil: 'load' });
    await page.screenshot({ path: file });
    await browser.close();
}

const words = process.argv.slice(2);
if (words[0] === '--picture') await takePicture(words[1], words[2]);
else await browse(words[0], words[1]);
