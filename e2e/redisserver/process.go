package redisserver

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// maxOutput bounds what is kept of what a process says, in bytes: its beginning.
const maxOutput = 64 << 10

// process is a program that ends with the test's process at the latest.
type process struct {
	cmd    *exec.Cmd
	output *output
	ended  chan struct{} // closed when it has ended
}

// launch starts a program in a folder.
func launch(dir, name string, arguments ...string) (*process, error) {
	p := &process{cmd: exec.Command(name, arguments...), output: new(output), ended: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, p.output, p.output
	p.cmd.SysProcAttr = diesWithUs()
	started := make(chan error)
	go func() {
		// The kernel ends the program when the thread that started it ends: this
		// goroutine keeps the thread until then.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // How it ended is no news: mostly it was killed.
			close(p.ended)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	return p, nil
}

// signal sends a signal to the program, which may have ended.
func (p *process) signal(s syscall.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil && !p.over() {
		return fmt.Errorf("sending %s to %s: %w", s, p.cmd.Path, err)
	}
	return nil
}

// kill ends the program at once, paused or not, and waits until it has ended.
func (p *process) kill() {
	if err := p.signal(syscall.SIGKILL); err == nil || errors.Is(err, syscall.ESRCH) {
		<-p.ended
	}
}

// over tells whether the program has ended.
func (p *process) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// output is the beginning of what a program says.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(p[:min(len(p), maxOutput-o.text.Len())])
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
