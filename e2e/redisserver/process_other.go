//go:build !linux

package redisserver

import "syscall"

// diesWithUs asks for nothing: only Linux can end a program with the test's process.
func diesWithUs() *syscall.SysProcAttr { return nil }
