using System;
using nanoFramework.M2Mqtt.Messages;

namespace MqttLink.M2Mqtt.Engine
{
    /// <summary>What a façade is told, on the dispatch thread, one thing at a time and in order.</summary>
    internal interface IEngineEvents
    {
        /// <summary>Whether somebody answers <see cref="OnAuthentication"/>. Asked on any thread.</summary>
        bool AnswersAuthentication { get; }

        void OnMessage(MqttMsgPublishDetailedEventArgs arguments);

        void OnPublished(MqttMsgPublishedDetailedEventArgs arguments);

        void OnSubscribed(MqttMsgSubscribedDetailedEventArgs arguments);

        void OnUnsubscribed(MqttMsgUnsubscribedDetailedEventArgs arguments);

        void OnOpened(MqttMsgConnack message);

        void OnCloseRequested(MqttMsgDisconnect message);

        void OnClosed();

        void OnAuthentication(MqttMsgAuthentication message);

        /// <summary>The server has accepted: before <c>Connect</c> returns, on any thread.</summary>
        void OnAccepted(string clientId, ConnectPlan plan);

        /// <summary>A packet, as one line. On the library's thread.</summary>
        void OnPacket(string text);

        /// <summary>A handler has thrown.</summary>
        void OnHandlerException(string name, Exception error);
    }
}
