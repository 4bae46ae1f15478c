# Debian's cross compiler for 64-bit ARM (packages gcc-aarch64-linux-gnu and, to run the tests,
# qemu-user), for example
#   cmake -S . -B build/aarch64 --toolchain export/toolchains/aarch64-linux-gnu.cmake
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -cpu cortex-a53 -L /usr/aarch64-linux-gnu)
# Loadable where memory pages are 16 KB, as on newer Android phones, or 64 KB.
set(CMAKE_SHARED_LINKER_FLAGS_INIT -Wl,-z,max-page-size=65536)
set(CMAKE_MODULE_LINKER_FLAGS_INIT -Wl,-z,max-page-size=65536)
