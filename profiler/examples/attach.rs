//! scratch
use std::time::Instant;
fn main() -> anyhow::Result<()> {
    let t = Instant::now();
    let paths = iocontend::kernel::facts::KernelPaths::default();
    let bytes = paths.read_btf()?;
    let btf = iocontend_core::btf::Btf::parse(&bytes)?;
    println!("btf {:?}", t.elapsed());
    let formats = paths.read_formats();
    let dio = paths.read_dio_ends();
    println!("facts {:?} {dio:x?}", t.elapsed());
    let fs = ["ext4".to_string()];
    let plan = iocontend_core::plan::plan(&iocontend_core::plan::Facts{btf:&btf,formats:formats.as_ref(),dio_ends:dio,cpus:2,filesystems:&fs,io_events:true})?;
    let abtf = aya::Btf::from_sys_fs()?;
    println!("aya btf {:?} {:?}", t.elapsed(), plan.config);
    let p = iocontend::kernel::probes::Probes::attach(&plan,&abtf,4<<20);
    let mut p = match p { Ok(p)=>p, Err(e)=>{ println!("{e} {e:?}"); return Ok(())}};
    println!("attached {:?}", t.elapsed());
    for g in &p.gaps { println!("{g:?}"); }
    p.count_since(1);
    let _fd = aya::sys::enable_stats(aya::sys::Stats::RunTime)?;
    std::thread::sleep(std::time::Duration::from_secs(std::env::args().nth(1).and_then(|s|s.parse().ok()).unwrap_or(3)));
    p.count_since(0);
    let mut n=0; while let Some(_i)=p.ring.next() { n+=1; }
    println!("{n} events; inflight {}", p.in_flight());
    for (c,v) in p.counts() { if v>0 {println!("{} {v}", c.name());} }
    for set in 0..160 { let k=p.keys.read(set).unwrap(); for (w,key) in k.keys.iter().enumerate() { if *key!=0 {
        let key=iocontend_wire::key::Key(*key);
        let mut c=0;let mut b=0; let mut s=0; let mut d=0; let mut st=0; for sh in 0..p.shards { let x=p.stats.read(sh*1280+set*8+w).unwrap(); c+=x.count;b+=x.bytes; s+=x.q2c.sum; d+=x.d2c.sum; st+=x.started;}
        if c>0 {println!("{:?} dev {} kind {:?} file {} how {} count {c} bytes {b} q2c {} d2c {}", key.who(), key.dev(), iocontend_wire::key::Kind::from_u32(key.kind()), key.file(), key.how(), s/st.max(1), d/st.max(1));}
    }}}
    for (n,c) in p.costs() { if c.run_cnt>0 {println!("{n} {} ns x {} miss {:?}", c.run_ns/c.run_cnt.max(1), c.run_cnt, c.recursion_misses);} }
    Ok(())
}
