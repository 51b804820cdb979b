"""Manifests as the reference writes them, and small ones of ours."""

from __future__ import annotations

SMALL = """
apiVersion: vm.cluster.gke.io/v1
kind: VirtualMachine
metadata: {name: vm1}
spec:
  compute: {cpu: {vcpus: 1}, memory: {capacity: 256Mi}}
  interfaces:
  - {name: eth0, networkName: pod-network}
"""

# A Linux machine with everything: two cards, two disks, cloud-init.
MACHINE = """
apiVersion: vm.cluster.gke.io/v1
kind: VirtualMachine
metadata: {name: vm1, labels: {app: legacy}}
spec:
  osType: Linux
  runningState: Running
  compute: {cpu: {vcpus: 2}, memory: {capacity: 4Gi}}
  interfaces:
  - {name: eth0, networkName: pod-network, default: true}
  - {name: eth1, networkName: vlan100, ipAddresses: [10.10.0.5/24], macAddress: "52:54:00:aa:bb:01"}
  disks:
  - {virtualMachineDiskName: vm1-boot-dv, boot: true, autoDelete: true}
  - {virtualMachineDiskName: data1, driver: virtio}
  scheduling: {nodeSelector: {zone: a}}
  cloudInit:
    noCloud:
      userData: |
        #cloud-config
        user: demo
        password: hunter2-canary
"""
NETWORKS = """
apiVersion: networking.gke.io/v1
kind: Network
metadata: {name: vlan100}
spec:
  type: L2
  networkLifecycle: AnthosManaged
  nodeInterfaceMatcher: {interfaceName: eth1}
  l2NetworkConfig: {vlanID: 100}
  externalDHCP4: true
---
apiVersion: networking.gke.io/v1
kind: Network
metadata: {name: vlan200-static}
spec:
  type: L2
  nodeInterfaceMatcher: {interfaceName: eth1}
  l2NetworkConfig: {vlanID: 200, prefixLength4: 24}
  gateway4: 10.20.0.1
  routes: [{to: 10.30.0.0/16}]
  dnsConfig: {nameservers: [10.20.0.53]}
"""
DISKS = """
apiVersion: vm.cluster.gke.io/v1
kind: VirtualMachineDisk
metadata: {name: vm1-boot-dv}
spec: {size: 20Gi, storageClassName: nfs}
---
apiVersion: vm.cluster.gke.io/v1
kind: VirtualMachineDisk
metadata: {name: data1}
spec: {size: 4096Mi}
"""
REST = """
apiVersion: vm.cluster.gke.io/v1
kind: VirtualMachineType
metadata: {name: small}
spec: {cpu: {vcpus: 1}, memory: {capacity: 1Gi}}
---
apiVersion: networking.gke.io/v1
kind: NetworkInterface
metadata: {name: kept-card}
spec: {networkName: pod-network, ipAddresses: [10.76.0.77/22], macAddress: "52:54:00:AA:BB:02"}
---
apiVersion: v1
kind: Secret
metadata: {name: login}
stringData: {password: hunter2-canary}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: motd}
data: {text: hello}
"""
NAMESPACE = """
apiVersion: v1
kind: Namespace
metadata: {name: lab, labels: {team: lab}}
"""
EVERYTHING = f"{NETWORKS}---{DISKS}---{MACHINE}---{REST}---{NAMESPACE}"
