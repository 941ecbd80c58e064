package redisserver

import "syscall"

// diesWithUs has the kernel kill a program when the thread that started it ends, and
// so when the test's process does, however that ends.
func diesWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
