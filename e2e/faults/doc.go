// Package faults breaks things on purpose: several processes work on one store
// while they are killed, stopped, paused and cut off, while their disk fills up
// and their database goes away. Then it asks whether the promise was kept: every
// job accepted is finished or explained, and no step is recorded twice or lost.
// It has no code but tests.
//
// A run is made from a seed: the jobs, the faults and the moves of a person. What
// the machine does in between is not repeatable, so the same seed is the same
// treatment, not the same run. FAULTS_SEED gives the seed, FAULTS the number of
// faults, FAULTS_FOR the time after which there are no more of them, FAULTS_STORE
// one of the stores, FAULTS_REPORT a file for the figures.
package faults
