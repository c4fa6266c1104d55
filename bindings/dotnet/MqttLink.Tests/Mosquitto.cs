using System;
using System.Diagnostics;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Threading;

namespace MqttLink.Tests
{
    /// <summary>A mosquitto of a test's own, on ports of its own, for as long as it is not disposed.</summary>
    internal sealed class Mosquitto : IDisposable
    {
        private readonly Process process;

        private Mosquitto(Process process, int port, int tlsPort)
        {
            this.process = process;
            Port = port;
            TlsPort = tlsPort;
        }

        internal int Port { get; }

        internal int TlsPort { get; }

        /// <summary>
        /// Starts one; with certificates also over TLS, where it wants a certificate of the client's.
        /// </summary>
        internal static Mosquitto Start(Certificates certificates = null)
        {
            // Another process may take the port between the choice and its use; then the next one is tried.
            for (var attempt = 0; ; attempt++)
            {
                var mosquitto = TryStart(certificates);
                if (mosquitto != null)
                {
                    return mosquitto;
                }
                if (attempt == 10)
                {
                    throw new InvalidOperationException("mosquitto does not start: is it installed?");
                }
            }
        }

        public void Dispose()
        {
            process.Kill();
            process.WaitForExit();
            process.Dispose();
        }

        private static Mosquitto TryStart(Certificates certificates)
        {
            var port = FreePort();
            // As root it would give its rights up, and could not read the keys.
            var config = "user root\nlistener " + port + " 127.0.0.1\nallow_anonymous true\n";
            var tlsPort = 0;
            if (certificates != null)
            {
                tlsPort = FreePort();
                config += "listener " + tlsPort + " 127.0.0.1\nrequire_certificate true\ncafile "
                    + certificates.Authority + "\ncertfile " + certificates.Server + "\nkeyfile "
                    + certificates.ServerKey + "\n";
            }
            var file = Path.Combine(Paths.NewFolder(), "mosquitto.conf");
            File.WriteAllText(file, config);
            var program = File.Exists("/usr/sbin/mosquitto") ? "/usr/sbin/mosquitto" : "mosquitto";
            var start = new ProcessStartInfo(program, "-c " + file)
            {
                UseShellExecute = false,
                RedirectStandardError = true,
            };
            var process = Process.Start(start);
            if (IsRunning(process))
            {
                return new Mosquitto(process, port, tlsPort);
            }
            process.WaitForExit();
            process.Dispose();
            return null;
        }

        // It says so itself, when all its ports are open. That somebody answers there would prove nothing: it could be
        // another process, which has taken the port first.
        private static bool IsRunning(Process process)
        {
            var isRunning = false;
            var known = new ManualResetEvent(false);
            process.ErrorDataReceived += (sender, line) =>
            {
                if (line.Data == null)
                {
                    known.Set();
                }
                else if (line.Data.EndsWith(" running"))
                {
                    isRunning = true;
                    known.Set();
                }
            };
            process.BeginErrorReadLine();
            known.WaitOne();
            return isRunning;
        }

        private static int FreePort()
        {
            var listener = new TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            var port = ((IPEndPoint)listener.LocalEndpoint).Port;
            listener.Stop();
            return port;
        }
    }
}
