# shellcheck shell=bash
# What makes a host a machine of its own: a small tree laid over the machine's file system when it boots. It is made
# here and not in the host, where every command costs 30 ms.

host_layer() { # IP
  local l=$D/boot/layer ip=$1 m home c
  mkdir -p "$l"/{lab,root/.ssh,var/lib/{one/.ssh,warmblock},usr/lib/modules} \
    "$l"/etc/{ssh,ceph,iscsi,profile.d,sudoers.d,warmblock}

  echo "$NAME" >"$l/etc/hostname"
  printf 'warmblock-lab %s %s' "$LAB_ID" "$NAME" | md5sum | cut -c1-32 >"$l/etc/machine-id"
  ln -s /lab/hosts "$l/etc/hosts"    # rewritten whenever a host comes
  ln -s /proc/mounts "$l/etc/mtab"
  printf '%s: files\n' passwd group shadow hosts services protocols >"$l/etc/nsswitch.conf"
  echo "InitiatorName=iqn.1993-08.org.debian:01:$NAME" >"$l/etc/iscsi/initiatorname.iscsi"
  ln -s "$CEPH_CONF" "$CEPH_DIR"/ceph.client.*.keyring "$l/etc/ceph/"
  kernel_choose
  for m in "$MODULES"/*; do ln -s "$m" "$l/usr/lib/modules/"; done

  host_layer_users "$l"

  # symbolic links for /dev, and mounts, each in one go
  mkdir "$D/boot/dev"
  ln -s /proc/self/fd "$D/boot/dev/fd"
  for c in 0:stdin 1:stdout 2:stderr; do ln -s "fd/${c%:*}" "$D/boot/dev/${c#*:}"; done
  cat >"$D/boot/fstab" <<F
sys /sys sysfs defaults
dev /dev devtmpfs defaults
pts /dev/pts devpts gid=5,mode=620,ptmxmode=666,x-mount.mkdir
shm /dev/shm tmpfs mode=1777,x-mount.mkdir
run /run tmpfs mode=755
lab /lab hostfs $D
/lab/var /var/lib/warmblock none bind
F
  {
    printf 'link set lo up\naddr add %s/24 dev vec0\nlink set vec0 up\n' "$ip"
    ns_holes vec0
  } >"$D/boot/net"
  printf 'LAB_NAME=%q LAB_IP=%q LAB_DIR=%q LAB_UDEV=%q LAB_RATE=%q LAB_DELAY=%q\n' \
    "$NAME" "$ip" "$LAB_DIR" "$UDEV" "$RATE" "$DELAY" >"$D/boot/env"
}

# root, and oneadmin as OpenNebula has it: one key for all hosts, sudo without a password
host_layer_users() { # LAYER
  local l=$1 home f
  for f in passwd group shadow; do grep -v '^oneadmin:' /etc/$f >"$l/etc/$f"; done
  chmod 640 "$l/etc/shadow"
  echo 'oneadmin:x:9869:9869::/var/lib/one:/bin/bash' >>"$l/etc/passwd"
  echo 'oneadmin:x:9869:' >>"$l/etc/group"
  echo 'oneadmin:*:19000:0:99999:7:::' >>"$l/etc/shadow"
  for home in root var/lib/one; do
    cp "$LAB_DIR/ssh/id" "$l/$home/.ssh/id_ed25519"
    cp "$LAB_DIR/ssh/id.pub" "$l/$home/.ssh/authorized_keys"
    # the machine's own do not belong into a host
    for f in .bashrc .profile .bash_profile .ssh/config .ssh/known_hosts; do : >"$l/$home/$f"; done
    chmod 700 "$l/$home/.ssh"
  done
  chown -R 9869:9869 "$l/var/lib/one"
  cp "$LAB_DIR/ssh/known_hosts" "$l/etc/ssh/ssh_known_hosts"
  printf '%s\n' "Defaults secure_path=\"$GUEST_PATH\"" 'Defaults env_keep += "DM_DISABLE_UDEV"' 'Defaults !pam_session' \
    'oneadmin ALL=(ALL) NOPASSWD: ALL' 'root ALL=(ALL) NOPASSWD: ALL' >"$l/etc/sudoers"
  chmod 440 "$l/etc/sudoers"
  echo "PATH=$GUEST_PATH" >"$l/etc/profile.d/lab.sh"
  cat >"$D/boot/sshd_config" <<S
HostKey $LAB_DIR/ssh/hostkey
ListenAddress $LAB_NET.$(cat "$D/number")
PidFile /run/sshd.pid
UsePAM no
UseDNS no
PermitRootLogin yes
StrictModes no
MaxSessions 500
MaxStartups 100
PrintMotd no
PrintLastLog no
KexAlgorithms curve25519-sha256
SetEnv PATH=$GUEST_PATH LANG=C.UTF-8$([ "$UDEV" = 1 ] || echo ' DM_DISABLE_UDEV=1')
Subsystem sftp internal-sftp
S
}
GUEST_PATH=/lab/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
