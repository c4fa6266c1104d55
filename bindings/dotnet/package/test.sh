#!/bin/sh
# Packs the assemblies, looks at what is in the package, and builds and runs a program that has nothing else.
set -eu
cd "$(dirname "$0")/../../.."
here=bindings/dotnet/package
root=$PWD/target/dotnet
rm -rf "$root/packages" "$root/consumer" "$root/bin/consumer" "$root/obj/consumer"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
for name in MqttLink MqttLink.M2Mqtt MqttLink.M2Mqtt.Classic; do
    tools/dotnet pack "bindings/dotnet/$name/$name.csproj" -v quiet -nologo
    test -s "$root/packages/$name.$version.nupkg" || { echo "package: there is no $name.$version.nupkg"; exit 1; }
done

# What is restored is the package, unpacked; no other feed and no cache is asked.
export NUGET_PACKAGES="$root/consumer"
tools/dotnet build $here/consumer/consumer.csproj -v quiet -nologo
unpacked=$root/consumer/mqttlink/$version
for file in lib/netstandard2.0/MqttLink.dll lib/netstandard2.0/MqttLink.xml README.md LICENSE-MIT LICENSE-APACHE \
    runtimes/linux-x64/native/libmqttlink.so build/netstandard2.0/MqttLink.targets; do
    test -s "$unpacked/$file" || { echo "package: $file is not in it"; exit 1; }
done
if grep -rqF "$PWD" "$unpacked/lib" "$unpacked/runtimes"; then
    echo "package: a path of this machine is in it"
    exit 1
fi
grep -q '<license type="expression">MIT OR Apache-2.0</license>' "$unpacked/mqttlink.nuspec"

# The one of the package has to be found, not the one of the build.
program=$root/bin/consumer/netcoreapp3.1/consumer.dll
MQTTLINK_LIBRARY_PATH=$root/none tools/dotnet "$program" | grep -qx 'greetings/world: hello'

# Without it, what is said has to help.
rm -rf "$root/bin/consumer/without"
mkdir "$root/bin/consumer/without"
cp "$root/bin/consumer/netcoreapp3.1/consumer.dll" "$root/bin/consumer/netcoreapp3.1/consumer.runtimeconfig.json" \
    "$root/bin/consumer/without"
cp "$unpacked/lib/netstandard2.0/MqttLink.dll" "$root/bin/consumer/without"
said=$(MQTTLINK_LIBRARY_PATH=$root/none tools/dotnet "$root/bin/consumer/without/consumer.dll" 2>&1 || true)
for part in "could not be loaded for linux-x64" "$root/none" "runtimes/linux-x64/native/libmqttlink.so" \
    MQTTLINK_LIBRARY_PATH; do
    case $said in
        *"$part"*) ;;
        *) echo "package: the message does not say '$part': $said"; exit 1 ;;
    esac
done
echo "package: packed, consumed without a feed, and a missing library is explained"
