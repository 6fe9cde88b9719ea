// Package browser drives the pages of the real program in a real browser:
// Chromium, over its DevTools protocol, with axe-core (an npm package, read
// from node_modules, never part of the program) to judge accessibility.
//
// Without Chromium or npm its tests are skipped with a loud line; under CI they
// fail. It also takes the pictures of docs/images: make pictures.
package browser
