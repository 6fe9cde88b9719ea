// Package deploy holds the files by which the service runs elsewhere than in a
// terminal, so that the program can write those of systemd by itself.
package deploy

import _ "embed"

// Unit is the name of the service under systemd.
const Unit = "mivaa-pdf-extractor"

// Service is its unit file. It starts /usr/local/bin/mivaa.
//
//go:embed mivaa-pdf-extractor.service
var Service string

// Socket is the unit file of its address.
//
//go:embed mivaa-pdf-extractor.socket
var Socket string
