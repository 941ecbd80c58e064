// Package redisserver runs real Redis for tests: single servers, replicas, Sentinels
// and a Cluster, and all that can become of them.
//
// A Server is a process of Debian's redis-server on a free port of loopback, with a
// folder of its own and nothing kept on disk. It can be killed, paused, started anew
// and told anything, and is gone when the test is, also when the test is killed. A
// Proxy stands before it and makes the network bad: late, dripping, silent, broken.
// What is missing on the machine fails the test, which is never skipped.
package redisserver
