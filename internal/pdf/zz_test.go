package pdf
import ("testing";"os";"strings";"time";"bytes";"fmt")
func TestZZ(t *testing.T){
 b,_:=os.ReadFile("/tmp/pgfmanual.pdf")
 p:=newPool(t,Config{}); t0:=time.Now(); p.Warm(t.Context()); t.Log("warm 2",time.Since(t0))
 st:=func(w string){for _,pid:=range p.pids(false){s,_:=os.ReadFile(fmt.Sprintf("/proc/%d/status",pid));for _,l:=range strings.Split(string(s),"\n"){if strings.HasPrefix(l,"VmHWM")||strings.HasPrefix(l,"VmRSS")||strings.HasPrefix(l,"RssAnon"){t.Log(w,l)}}}}
 st("idle")
 t0=time.Now(); d,err:=p.Open(t.Context(),bytes.NewReader(b),int64(len(b)),""); if err!=nil{t.Fatal(err)}; t.Log("open",time.Since(t0))
 t0=time.Now(); pg,err:=readAll(t.Context(),t,d,all(d)); t.Log(len(pg),err,time.Since(t0), float64(len(pg))/time.Since(t0).Seconds())
 st("after"); d.Close(); time.Sleep(300*time.Millisecond); st("closed")
}
