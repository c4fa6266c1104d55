using System;
using System.Net;

namespace MqttLink.Tests
{
    /// <summary>
    /// Addresses of this machine that nothing else uses. Another program's client, whose server has just gone from
    /// 127.0.0.1, would come to the one that got its port.
    /// </summary>
    internal static class OwnAddress
    {
        private static readonly Random Random = new Random();

        internal static IPAddress Next()
        {
            lock (Random)
            {
                return new IPAddress(new[]
                {
                    (byte)127, (byte)Random.Next(1, 255), (byte)Random.Next(1, 255), (byte)Random.Next(1, 255)
                });
            }
        }
    }
}
